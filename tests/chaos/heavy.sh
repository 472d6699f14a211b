#!/bin/bash
# The long plays of chaos_test.sh. Usage: heavy.sh FOLDER-OF-PROGRAMS
exec bash "$(dirname "$0")/chaos_test.sh" "$1" heavy
