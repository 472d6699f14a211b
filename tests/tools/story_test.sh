#!/bin/bash
# The programs of the story from outside: wrong options, the form of the verdict, the pictures; and
# the page that tools/story/run.py makes of it, of programs that fail, hang or say nothing, too.
# Usage: story_test.sh FOLDER-OF-PROGRAMS
set -u
bin=$1
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() { # WHAT STATUS WORD COMMAND...
    local what=$1 wanted=$2 word=$3
    shift 3
    "$@" >"$work/out" 2>&1
    local status=$?
    if [ $status -eq "$wanted" ] && grep -qF -- "$word" "$work/out"; then
        passed=$((passed + 1))
    else
        echo "FAIL story: $what: status $status, wanted $wanted and the words '$word'"
        cat "$work/out"
        failed=$((failed + 1))
    fi
}

for name in six-cases orchestra pizza fib futures multiplexer deployment pipeline http10k; do
    [ -x "$bin/$name" ] || continue
    check "$name: another option" 2 "no option '--nonsense'" "$bin/$name" --nonsense
    check "$name: no value" 2 "--seed needs a value" "$bin/$name" --seed
    check "$name: a wrong value" 2 "not '7x'" "$bin/$name" --seed 7x
    check "$name: no folder" 2 "no folder" "$bin/$name" --svg "$work/none"
    check "$name: help" 0 "--judge" "$bin/$name" --help
done

cat >"$work/form.py" <<'END'
import json, sys
verdict = json.loads(sys.stdin.read().rstrip().splitlines()[-1])
assert list(verdict) == ["program", "ok", "checks", "figures"], list(verdict)
assert verdict["program"] == sys.argv[1] and verdict["ok"] is True
assert verdict["checks"] and verdict["figures"]
assert all(list(c) == ["name", "ok"] and c["ok"] is True for c in verdict["checks"])
assert all(list(f) == ["name", "value", "unit"] for f in verdict["figures"])
print("as asked")
END
form() { # NAME ARGUMENTS
    "$bin/$1" --json "${@:2}" | python3 "$work/form.py" "$1"
}
mkdir "$work/pictures"
check "the form of a verdict" 0 "as asked" form orchestra --svg "$work/pictures"
check "another program" 0 "as asked" form pipeline --commits 3 --items 1000
seeds() { # the same seed gives the same run, another one another
    "$bin/pipeline" --commits 20 --items 1000 --seed 7 >"$work/a"
    "$bin/pipeline" --commits 20 --items 1000 --seed 7 >"$work/b"
    "$bin/pipeline" --commits 20 --items 1000 --seed 8 >"$work/c"
    cmp "$work/a" "$work/b" && ! cmp -s "$work/a" "$work/c" && echo repeatable
}
check "seeds" 0 repeatable seeds
check "a picture" 0 "</svg>" cat "$work/pictures/chorus.svg"

# the page, from programs of our own
made_up() { # NAME: its text is on standard input
    { echo '#!/bin/bash'; cat; } >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}
page() { # LIMIT
    python3 tools/story/run.py --bin "$work/bin" --out "$work/story" --limit "$1"
}
mkdir "$work/bin"
made_up orchestra <<'END'
echo 'a < b'
echo '<svg>drawn</svg>' >"$3/x.svg"
echo '<svg>lived</svg>' >"$3/x-real.svg"
printf '{"program":"orchestra","ok":true,"checks":[{"name":"in tune","ok":true}],'
echo '"figures":[{"name":"loud","value":7.5,"unit":"dB"}]}'
END
made_up bank <<'END'
echo '{"transfers": 42, "conserved": true}'
END
check "programs that are fine" 0 "2 of 2 programs ok" page 60
for word in '7.5</td><td>dB' 'a &lt; b' 'in tune' '>drawn<' '>42</text>' 'Not part of this run'; do
    check "the page has '$word'" 0 "$word" cat "$work/story/index.html"
done
order() {
    tr -d '\n' <"$work/story/index.html" | grep -o '>drawn<.*>lived<'
}
check "virtual time before real time" 0 lived order
made_up bank <<'END'
echo '{"transfers": 42, "conserved": false}'
END
check "a check that fails" 1 "FAIL bank" page 60
made_up bank <<'END'
echo 'no verdict at all'
END
check "no verdict" 1 "FAIL bank" page 60
made_up bank <<'END'
echo '{"conserved": true}'
exit 3
END
check "a status" 1 "FAIL bank" page 60
made_up bank <<'END'
exec sleep 600
END
rm "$work/bin/orchestra"
check "one that hangs" 1 "FAIL bank" page 1
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
