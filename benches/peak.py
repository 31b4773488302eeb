"""Runs a command and prints the most resident memory it had, in kB. An exit code above 1 is an error."""

import resource
import subprocess
import sys

code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
if code > 1:
    sys.exit(f"exit code {code}")
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
