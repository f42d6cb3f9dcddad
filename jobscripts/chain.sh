#!/bin/sh
# chain.sh LINK LINKS AGAIN… -- COMMAND…: job number LINK of a chain of at most LINKS jobs; slurm.sh
# and pbs.sh end in it.
#
# It runs COMMAND (mpiexec … dh_mpi …), and according to its exit code
#   0             the search is finished: so is the chain
#   75            out of time: AGAIN submits the next job, if this is not the last; where that fails,
#                 up to SUBMITS times, as long as the job lasts. A word of AGAIN that is {link}
#                 becomes that job's number, which is also in DH_LINK
#   64, 74, 78    nothing that another attempt would mend: end
#   others        MPI died with one of its ranks: COMMAND is run again, from the checkpoint, within
#                 this job, up to RESTARTS times
# That code is the search's own, which it leaves in the file DH_EXIT_FILE: launchers lose it (Open
# MPI 4.1's mpiexec --enable-recovery returns 0 for any, MPICH's often does after a signal). If it
# left nothing there, as when its environment is not this one, COMMAND's counts. A launcher that is
# still there STAY seconds after the search has left its code is ended: Open MPI 4.1's never ends by
# itself when a rank was lost and there are several on a node other than its own. (dh_mpi needs two
# minutes of that time at most; a COMMAND that does more than the search is to do it elsewhere.)
#
# SIGUSR1 is passed on; the search then stops and the chain goes on. Slurm sends it before the end of
# a job. Where `job_end` (seconds since 1970) says when that is, COMMAND is told of it in
# SLURM_JOB_END_TIME, so that the search stops by itself in time; then a signal in the last
# ANNOUNCEMENT seconds is not passed on: it would only cost what runs. SIGTERM (scancel, qdel) is
# passed on as SIGUSR1, because mpiexec kills its ranks a second after a SIGTERM; the search stops,
# and so does the chain.
set -u
RESTARTS=5 STAY=150 SUBMITS=20 SUBMIT_GAP=30 ANNOUNCEMENT=300
link=$1 links=$2
shift 2
pid='' told='' code=0 try=0

# Written by chain.sh, and overwritten by what the search says, none of which is longer: a disk that
# is full by then has room for that.
NOTHING=unknown

say()
{
    echo "chain.sh: $*" >&2
}

# make_exit_file FOLDER: with the room that it will take. (cat, unlike the shell, notices an NFS
# server that has none.)
make_exit_file()
{
    DH_EXIT_FILE=$(mktemp "$1/.chain.XXXXXX") || return
    ! echo "$NOTHING" | cat >"$DH_EXIT_FILE" || return 0
    rm -f "$DH_EXIT_FILE"
    return 1
}

tell()
{
    told=$1
    [ -z "$pid" ] || kill -USR1 "$pid"
}
hear_usr1()
{
    if [ "${job_end:-}" ] && [ $((job_end - $(date +%s))) -le "$ANNOUNCEMENT" ]; then
        told=end
    else
        tell end
    fi
}
trap hear_usr1 USR1
trap 'tell cancel' TERM INT

# In this folder, which rank 0 sees on whatever node it is. Elsewhere only if it cannot be here:
# that is a folder of this node, where rank 0 runs as a rule, but not if the launcher was told
# otherwise, or if the system runs scripts on nodes of their own.
here=yes
if ! make_exit_file "$PWD"; then
    here=''
    say "no room for the search's exit code in $PWD: it goes to ${TMPDIR:-/tmp}"
    make_exit_file "${TMPDIR:-/tmp}" || exit 74
fi
export DH_EXIT_FILE
trap 'rm -f "$DH_EXIT_FILE"' EXIT

# See above. It is killed when the launcher ends: a shell that has just begun may miss other signals.
end_launcher() # PROCESS
{
    trap '' USR1
    stayed=0
    while sleep 5 2>/dev/null && kill -0 "$1" 2>/dev/null; do
        case $(cat "$DH_EXIT_FILE") in
        '' | *[!0-9]*) continue ;;
        esac
        stayed=$((stayed + 5))
        if [ "$stayed" -eq "$STAY" ]; then
            say "the search has ended, but its launcher has not: ending it"
            kill "$1"
        elif [ "$stayed" -ge $((STAY + 30)) ]; then
            kill -KILL "$1"
        fi
    done
}

# In `AGAIN… -- COMMAND…`: run COMMAND to its end, whatever signals come in between; its exit code
# is left in `code`.
run()
{
    while [ "$1" != -- ]; do
        shift
    done
    shift
    echo "$NOTHING" 1<>"$DH_EXIT_FILE" || exit 74 # not >, which gives its room away
    [ "$told" = cancel ] || told='' # what came before there was a search has ended none
    say "job $link of at most $links: $*"
    # for COMMAND alone: the next job would inherit it
    [ -z "${job_end:-}" ] || set -- env "SLURM_JOB_END_TIME=$job_end" "$@"
    "$@" &
    pid=$!
    end_launcher "$pid" >/dev/null &
    watcher=$!
    [ "$told" != cancel ] || tell cancel
    while :; do
        wait "$pid"
        code=$?
        kill -0 "$pid" 2>/dev/null || break
    done
    pid=''
    kill -KILL "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
    hear
}

# What the search said of its end counts more than what its launcher made of that.
hear()
{
    word=$(cat "$DH_EXIT_FILE")
    case $word in
    "$NOTHING")
        [ "$code" = 0 ] || return 0
        if [ "$here" ]; then
            say "the search left no exit code: trusting its launcher's 0"
        else
            say "the search left no exit code, and had no room: not trusting its launcher's 0"
            code=74
        fi
        ;;
    running) [ "$code" != 0 ] || code=137 ;; # rank 0 was killed
    '' | *[!0-9]*) # cut short, or gone
        [ "$code" = 0 ] || return 0
        say "the search's exit code is lost, as on a full disk: not trusting its launcher's 0"
        code=74
        ;;
    *) code=$word ;;
    esac
}

# In the same words: run AGAIN.
submit()
{
    behind=''
    for word; do
        shift
        [ "$word" != -- ] || behind=yes
        [ -z "$behind" ] || continue
        [ "$word" != '{link}' ] || word=$DH_LINK
        set -- "$@" "$word"
    done
    "$@"
}

while [ "$told" != cancel ]; do
    run "$@"
    case $code in
    0 | 64 | 74 | 78)
        say "ended with $code"
        exit "$code"
        ;;
    75) break ;;
    esac
    [ -z "$told" ] || break # its end was not its own doing
    try=$((try + 1))
    if [ "$try" -gt "$RESTARTS" ]; then
        say "ended with $code after $RESTARTS restarts: giving up"
        exit "$code"
    fi
    say "ended with $code, as when a rank is lost: restart $try of $RESTARTS from the checkpoint"
    sleep "$try"
    [ -z "$told" ] || break
done

end_if_cancelled()
{
    [ "$told" = cancel ] || return 0
    say "cancelled; the search can be resumed"
    exit 75
}

end_if_cancelled
if [ "$link" -ge "$links" ]; then
    say "this was job $link of $links; the search can be resumed"
    exit 75
fi
export DH_LINK=$((link + 1))
try=1
until submit "$@"; do # one that was submitted though it looks otherwise does no harm: see the lock
    if [ "$try" -ge "$SUBMITS" ]; then
        say "cannot submit the next job; the search can be resumed"
        exit 75
    fi
    say "cannot submit the next job: attempt $((try += 1)) of $SUBMITS in $SUBMIT_GAP s"
    sleep "$SUBMIT_GAP"
    end_if_cancelled
done
say "submitted job $DH_LINK"
