"""bank serve: what it answers, in its life from the opening to the end.

Usage: serve_test.py BANK
"""
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

BANK = sys.argv[1]
passed = failed = 0


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL bank.serve: {what}")


def start(*arguments):
    bank = subprocess.Popen([BANK, "serve", "--port", "0", *arguments], stdout=subprocess.PIPE,
                            text=True)
    return bank, int(bank.stdout.readline().split()[-1])


def ask(port, method, path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def status(port, path, method="GET"):
    return ask(port, method, path)[0]


def balance(port, account):
    return json.loads(ask(port, "GET", f"/accounts/{account}")[1])["balance_minor"]


def transfer(port, *numbers, body=None):
    query = "&".join(f"{name}={number}" for name, number in
                     zip(("id", "from", "to", "amount_minor"), numbers))
    return ask(port, "POST", f"/transfers?{query}", body)


def wait_until_open(port):
    for _ in range(600):
        if status(port, "/readyz") == 200:
            return True
        signal.sigtimedwait([], 0.1)
    return False


def test_answers(port):
    check(wait_until_open(port), "it opens")
    check(status(port, "/healthz") == 200, "it is alive")
    check(balance(port, 1) == 1000000 and balance(port, 50) == 1000000, "first deposits")
    for path in ("/accounts/51", "/accounts/0", "/accounts/x", "/accounts/", "/", "/healthz/",
                 "/accounts/99999999999999999999"):
        check(status(port, path) == 404, f"nothing at {path}")
    check(status(port, "/accounts/1", "DELETE") == 405, "an account is only read")
    check(status(port, "/transfers") == 405, "a transfer is not read")
    check(status(port, "/healthz", "POST") == 405, "a probe is only read")


def test_transfers(port):
    check(transfer(port, 1, 1, 2, 250)[0] == 200, "a transfer")
    check(json.loads(transfer(port, 1, 1, 2, 250)[1]) ==
          {"id": 1, "done": True, "outcome": "done"}, "and again: the same outcome")
    check((balance(port, 1), balance(port, 2)) == (999750, 1000250), "it happened once")
    check(transfer(port, 1, 1, 2, 251)[0] == 409, "the id with another body")
    check(transfer(port, 2, 1, 2, 99999999)[0] == 409, "not enough money")
    check(transfer(port, 3, 1, 51, 1)[0] in (404, 409), "to nobody")
    check(transfer(port, 4, 1, 1, 1)[0] == 400, "to itself")
    check(transfer(port, 5, 1, 2, 0)[0] == 400, "nothing")
    check(transfer(port, 6, 1, 2, -1)[0] == 400, "less than nothing")
    check(transfer(port, 6, 1, 2, 2 ** 63)[0] == 400, "more than 63 bits")
    check(transfer(port, 6, 1, 2)[0] == 400, "an amount is missing")
    check(transfer(port, "1;", 1, 2, 3)[0] == 400, "no number")
    check(transfer(port, 7, 1, 2, 1, body=b"x" * 100000)[0] == 200, "a body is not looked at")
    check((balance(port, 1), balance(port, 2)) == (999749, 1000251), "and nothing else happened")


def test_many(port):
    def hammer(first):
        for number in range(first, first + 50):
            good.append(transfer(port, number, 3, 4, 1)[0] == 200)

    good = []
    threads = [threading.Thread(target=hammer, args=(1000 + 50 * i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(good == [True] * 400, "400 transfers from 8 threads")
    check((balance(port, 3), balance(port, 4)) == (999600, 1000400), "each of them once")


def test_end():
    bank, port = start("--accounts", "2", "--drain", "3600")
    check(wait_until_open(port), "another one opens")
    bank.send_signal(signal.SIGTERM)
    for _ in range(600):
        if status(port, "/readyz") == 503:
            break
        signal.sigtimedwait([], 0.1)
    check(status(port, "/readyz") == 503, "it closes: no more traffic, please")
    check(status(port, "/healthz") == 200 and balance(port, 1) == 1000000, "but it answers")
    bank.send_signal(signal.SIGTERM)
    check(bank.wait(60) == 0, "a second signal ends it at once, in order")


def test_taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run([BANK, "serve", "--port", str(taken.getsockname()[1])],
                              capture_output=True, text=True, check=False, timeout=60)
        check(done.returncode == 1 and "cannot listen" in done.stderr, "a taken port")


def main():
    bank, port = start("--accounts", "50")
    try:
        test_answers(port)
        test_transfers(port)
        test_many(port)
    finally:
        bank.send_signal(signal.SIGTERM)
    check(bank.wait(60) == 0, "it ends in order")
    test_end()
    test_taken_port()
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 0 if failed == 0 else 1


sys.exit(main())
