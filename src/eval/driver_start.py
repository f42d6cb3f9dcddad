"""The first text of the python evaluator's process, run as `python3 -u -c START DRIVER`: it makes room
for the second. Any Python from 2.6 on has to understand this one, to hear that it is too old.

`-c` puts the working directory in front of sys.path, where a file of the user's (json.py, resource.py)
would be taken for the standard library's. The driver finds the user's modules by itself.
"""
import sys

sys.path[:] = [entry for entry in sys.path if entry]
if sys.version_info < (3, 6):
    sys.exit("dh_mpi needs Python 3.6 or later, this is %s" % sys.version.split()[0])
exec(compile(sys.argv.pop(), "<driver>", "exec"))
