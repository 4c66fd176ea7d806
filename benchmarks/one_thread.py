"""One thread for each process, whatever the machine has; imported before numpy.

Workers are processes; more threads than cores only disturb each other.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"
