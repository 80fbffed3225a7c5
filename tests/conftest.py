"""One thread for torch in every process of the tests: two of them work side by side, and threads that wait for each
other's cores make the suite three times as long on a machine that others use, too.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
