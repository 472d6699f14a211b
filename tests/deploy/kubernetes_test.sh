#!/bin/bash
# The manifests of deploy/kubernetes: against the schemas, against each other, against the program.
# Usage: kubernetes_test.sh FOLDER-OF-PROGRAMS
set -u
here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3 # the distribution's, which has the distribution's modules
[ -x $python ] || python=python3
exec "$python" "$here/kubernetes_test.py" "$1/bank" "$here/../../deploy/kubernetes"
