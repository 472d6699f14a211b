"""The manifests of the bank: against the schemas, against each other, against the program.

Usage: kubernetes_test.py BANK FOLDER
"""
import copy
import pathlib
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import yaml
from kubernetes.client import models

TYPES = {("apps/v1", "StatefulSet"): "V1StatefulSet", ("v1", "Service"): "V1Service",
         ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget"}
PLAIN = {"str": str, "int": int, "bool": bool, "float": float}
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")

passed = failed = 0


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL deploy.kubernetes: {what}")


# ---- the schemas, as the client's models have them ----

def faults_of_object(value, name, path):
    model = getattr(models, name)
    if not isinstance(value, dict):
        return [f"{path}: an object is wanted"]
    attributes = {key: attribute for attribute, key in model.attribute_map.items()}
    faults, known = [], {}
    for key, part in value.items():
        if key not in attributes:
            faults.append(f"{path}.{key}: there is no such field")
            continue
        known[attributes[key]] = part
        faults += faults_of(part, model.openapi_types[attributes[key]], f"{path}.{key}")
    try:
        model(**known)  # what is required, and what a value must be
    except ValueError as error:
        faults.append(f"{path}: {error}")
    return faults


def faults_of(value, kind, path):
    """What the schema does not allow, as sentences."""
    inside = re.fullmatch(r"list\[(.*)\]", kind)
    if inside:
        if not isinstance(value, list):
            return [f"{path}: a list is wanted"]
        return [fault for at, part in enumerate(value)
                for fault in faults_of(part, inside.group(1), f"{path}[{at}]")]
    inside = re.fullmatch(r"dict\(str, (.*)\)", kind)
    if inside:
        if not isinstance(value, dict):
            return [f"{path}: a map is wanted"]
        return [fault for key, part in value.items()
                for fault in faults_of(part, inside.group(1), f"{path}.{key}")]
    if kind in PLAIN:
        good = isinstance(value, PLAIN[kind]) and isinstance(value, bool) == (kind == "bool")
        return [] if good else [f"{path}: {value!r} is no {kind}"]
    if kind == "object":  # a number or a string, a quantity: anything plain
        return [] if isinstance(value, (str, int)) else [f"{path}: {value!r} is not plain"]
    return faults_of_object(value, kind, path)


def faults_of_document(document):
    kind = (document.get("apiVersion"), document.get("kind"))
    if kind not in TYPES:
        return [f"{kind} is not known here"]
    return faults_of(document, TYPES[kind], kind[1])


def planted(documents):
    """Wrong documents, each with a word that must be in what is said of it."""
    def wrong(kind, change, word):
        document = copy.deepcopy(documents[kind])
        change(document)
        return document, word

    def container(document):
        return document["spec"]["template"]["spec"]["containers"][0]

    return [
        wrong("StatefulSet", lambda d: d["spec"].update(replica=3), "replica"),
        wrong("StatefulSet", lambda d: d["spec"].update(replicas="3"), "replicas"),
        wrong("StatefulSet", lambda d: d["spec"].pop("serviceName"), "service_name"),
        wrong("StatefulSet", lambda d: container(d)["livenessProbe"].update(period=1), "period"),
        wrong("StatefulSet", lambda d: container(d)["livenessProbe"]["httpGet"].pop("port"),
              "port"),
        wrong("StatefulSet", lambda d: container(d).pop("name"), "name"),
        wrong("StatefulSet", lambda d: container(d).update(args="serve"), "args"),
        wrong("Service", lambda d: d["spec"]["ports"][0].pop("port"), "port"),
        wrong("Service", lambda d: d["spec"].update(selector="bank"), "selector"),
        wrong("PodDisruptionBudget", lambda d: d.update(apiVersion="policy/v2"), "policy/v2"),
        wrong("PodDisruptionBudget", lambda d: d["spec"].update(maxUnavailable=[1]), "maxUnav"),
    ]


# ---- each other ----

def check_each_other(documents):
    pods = documents["StatefulSet"]["spec"]
    service, budget = documents["Service"], documents["PodDisruptionBudget"]
    labels = pods["template"]["metadata"]["labels"].items()
    container = pods["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    args = container["args"]
    check(pods["selector"]["matchLabels"].items() <= labels, "the set selects its pods")
    check(service["spec"]["selector"].items() <= labels, "the service selects the pods")
    check(budget["spec"]["selector"]["matchLabels"].items() <= labels, "the budget selects them")
    check(pods["serviceName"] == service["metadata"]["name"], "the set names the service")
    check(service["spec"]["clusterIP"] == "None", "the service is headless")
    check(all(port["targetPort"] in ports for port in service["spec"]["ports"]),
          "the service's ports are the container's")
    check(str(ports["http"]) == args[args.index("--port") + 1], "the port is the program's")
    for name in PROBES:
        check(container[name]["httpGet"]["port"] in ports, f"{name}: its port is there")
    grace = pods["template"]["spec"]["terminationGracePeriodSeconds"]
    check(grace > int(args[args.index("--drain") + 1]) + 5, "the grace is longer than the drain")
    check(pods["replicas"] == 1, "one pod: the bank is in one process's memory")


# ---- the program ----

def status_of(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def check_program(program, documents):
    container = documents["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
    check(pathlib.PurePath(container["command"][0]).name == program.name, "the program's name")
    args = list(container["args"])
    for option, value in (("--port", "0"), ("--drain", "0")):  # any port, and no wait at the end
        args[args.index(option) + 1] = value
    with subprocess.Popen([program, *args], stdout=subprocess.PIPE, text=True) as bank:
        try:
            port = int(bank.stdout.readline().split()[-1])
            path = container["startupProbe"]["httpGet"]["path"]
            for _ in range(600):
                if status_of(port, path) == 200:
                    break
                signal.sigtimedwait([], 0.1)
            for name in PROBES:
                check(status_of(port, container[name]["httpGet"]["path"]) == 200,
                      f"{name}: the program says yes")
            check(status_of(port, "/nonsense") == 404, "another path is none")
        finally:
            bank.send_signal(signal.SIGTERM)
        check(bank.wait(60) == 0, "the program ends in order")


def main():
    program, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    documents = {}
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            documents[document["kind"]] = document
            faults = faults_of_document(document)
            check(not faults, f"{path.name}: {'; '.join(faults)}")
    check(set(documents) == {kind for _, kind in TYPES}, f"there are {sorted(documents)}")
    for document, word in planted(documents):
        faults = faults_of_document(document)
        check(any(word in fault for fault in faults), f"a planted fault in {word} is not found")
    check_each_other(documents)
    check_program(program, documents)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 0 if failed == 0 else 1


sys.exit(main())
