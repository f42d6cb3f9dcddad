#include "dh_mpi/status.h"
