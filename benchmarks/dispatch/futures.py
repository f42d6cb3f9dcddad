"""Null tasks per second through mpi4py.futures, after a first round that warms it up.

    mpiexec -n 4 /usr/bin/python3 -m mpi4py.futures futures.py 20000
"""

import sys
import time

from mpi4py.futures import MPIPoolExecutor


def null(task):
    return sum(task)


def measure(executor, count):
    tasks = [tuple(float(number + i) for i in range(8)) for number in range(count)]
    expected = [sum(task) for task in tasks]
    start = time.perf_counter()
    results = list(executor.map(null, tasks))
    seconds = time.perf_counter() - start
    assert results == expected
    return count / seconds


if __name__ == "__main__":
    with MPIPoolExecutor() as pool:
        measure(pool, 500)
        print("%.0f" % measure(pool, int(sys.argv[1])))
