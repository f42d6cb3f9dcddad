! The model of epidemic.awk as a simulation code: reads params.in and the data, writes results.out.
!
!     gfortran -O2 -o epidemic epidemic.f90
program epidemic
  implicit none
  integer, parameter :: dp = kind(1d0), persons = 763, steps = 50
  character(len=8) :: model = 'sir'
  character(len=200) :: line, data = 'influenza.csv'
  real(dp) :: beta, infectious, bed, latent = 1, first
  real(dp) :: y(4), k(4, 4), h = 1d0 / steps, squares = 0, observed
  integer :: day, step, days = 0, status
  namelist /epidemic_parameters/ model, beta, infectious, bed, latent, first

  open (10, file='params.in', status='old')
  read (10, nml=epidemic_parameters)
  close (10)
  call get_command_argument(1, data)
  if (len_trim(data) == 0) data = 'influenza.csv'
  y = [persons - first, 0d0, first, 0d0] ! susceptible, exposed, infectious, in bed

  open (11, file=trim(data), status='old')
  do
    read (11, '(a)', iostat=status) line
    if (status /= 0) exit
    read (line, *, iostat=status) day, observed
    if (status /= 0) cycle ! a comment, or the header
    do step = 1, steps
      k(:, 1) = slope(y)
      k(:, 2) = slope(y + h / 2 * k(:, 1))
      k(:, 3) = slope(y + h / 2 * k(:, 2))
      k(:, 4) = slope(y + h * k(:, 3))
      y = y + h / 6 * (k(:, 1) + 2 * k(:, 2) + 2 * k(:, 3) + k(:, 4))
    end do
    squares = squares + (y(4) - observed)**2
    days = days + 1
  end do

  open (12, file='results.out', status='new')
  write (12, '(a, es24.16)') 'error ', sqrt(squares / days)
  write (12, '(a, es24.16)') 'never_infected ', y(1)
  close (12)
contains
  function slope(state) result(d)
    real(dp), intent(in) :: state(4)
    real(dp) :: d(4), infections, onsets
    infections = beta * state(1) * state(3) / persons
    onsets = infections
    if (model == 'seir') onsets = state(2) / latent
    d = [-infections, infections - onsets, onsets - state(3) / infectious, &
         state(3) / infectious - state(4) / bed]
  end function
end program
