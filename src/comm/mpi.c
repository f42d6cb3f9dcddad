#include "dh_mpi/comm.h"
