#!/bin/sh
# install.sh [build] [quickstart] [test]: install what is missing of Debian's packages for building
# dh_mpi, for its quickstart, for its tests. Does nothing, and needs no network, if nothing is
# missing. On a system without apt it names what is needed and ends with 69.
#
# With DH_SKIP_INSTALL=1 it trusts that everything is there.
set -eu

build='build-essential meson ninja-build pkg-config libopenmpi-dev openmpi-bin libhdf5-dev
    libgsl-dev libconfig-dev libjansson-dev zlib1g-dev'
quickstart='python3 python3-sklearn'
test='libcmocka-dev mpich libmpich-dev libxgboost-dev clang libclang-rt-14-dev iproute2
    python3 python3-sklearn python3-h5py python3-pandas python3-mpi4py slurm-wlm slurm-wlm-torque
    munge locales gfortran'

packages=
for group in "$@"; do
    case $group in
    build) packages="$packages $build" ;;
    quickstart) packages="$packages $quickstart" ;;
    test) packages="$packages $test" ;;
    *)
        echo "usage: install.sh [build] [quickstart] [test]" >&2
        exit 64
        ;;
    esac
done

[ "${DH_SKIP_INSTALL:-}" != 1 ] || exit 0

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    {
        echo "This is not a Debian system. dh_mpi needs what Debian calls:"
        echo "   " $packages
        echo "When they are there, run this again with DH_SKIP_INSTALL=1."
    } >&2
    exit 69
fi

missing=
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        {
            echo "These packages are missing, and there is no sudo to install them:"
            echo "   " $missing
        } >&2
        exit 69
    fi
    as_root=sudo
fi

# Beside each other, Debian's Open MPI (priority 50) stays what mpicc and mpiexec mean, not MPICH (40),
# unless somebody has chosen otherwise.
echo "Installing$missing" >&2
$as_root apt-get -q -o DPkg::Lock::Timeout=300 update >&2
# shellcheck disable=SC2086 # one argument a package
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
    install --no-install-recommends $missing >&2
