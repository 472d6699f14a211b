#!/usr/bin/env python3
"""Rooms and floors: who includes whom, held to layers.txt; and no include cycles.

A room is a folder. It may include itself and the rooms of its row, which must stand on lower
floors. Neither files nor rooms may form a cycle. Public headers never see an internal one.
"""
import source


def load(path, report):
    rooms = {}
    for line, text in source.table(path):
        head, _, tail = text.partition(":")
        floor, room = head.split()
        rooms[room] = (int(floor), tail.split(), line)
    for room, (floor, allowed, line) in rooms.items():
        for name in allowed:
            named = [r for r in rooms if allows([name], r)]
            if not named:
                report.add("layers.txt", line, f"{room} names {name}, which has no row")
            for other in named:
                # Floor 0 and the programs of floor 12 may name each other; no cycle is checked
                # below.
                if rooms[other][0] > floor or (rooms[other][0] == floor and floor not in (0, 12)):
                    report.add("layers.txt", line, f"{room} (floor {floor}) names {other}, which "
                               f"is not below it (floor {rooms[other][0]})")
    return rooms


def room_of(path, rooms):
    """The longest row that is a folder of the path."""
    best = None
    for room in rooms:
        if path.startswith(room + "/") and (best is None or len(room) > len(best)):
            best = room
    return best


def allows(allowed, room):
    return any(room == name or (name.endswith("/*") and room.startswith(name[:-1]))
               for name in allowed)


def cycle(graph):
    """Some cycle of a graph as a list of nodes, or None."""
    state = {}
    for start in sorted(graph):
        if start in state:
            continue
        stack = [(start, iter(sorted(graph.get(start, ()))))]
        state[start] = 1
        while stack:
            node, children = stack[-1]
            child = next(children, None)
            if child is None:
                state[node] = 2
                stack.pop()
            elif state.get(child) == 1:
                trail = [n for n, _ in stack]
                return trail[trail.index(child):] + [child]
            elif child not in state:
                state[child] = 1
                stack.append((child, iter(sorted(graph.get(child, ())))))
    return None


def main():
    options = source.arguments(__doc__)
    report = source.Report("layers")
    rooms = load(source.HERE / "layers.txt", report)
    file_graph, room_graph = {}, {}
    paths = source.files(options.root, folders=(
        "include", "core", "transport", "actors", "examples", "tests", "bench", "tools", "clients",
        "docs"))
    for path in paths:
        room = room_of(path, rooms)
        if room is None:
            report.add(path, 1, "this folder has no row in tools/lint/layers.txt")
            continue
        for line, kind, name in source.includes(source.read(options.root, path)):
            if kind == '"' and name.startswith("."):
                report.add(path, line, f'"{name}": write the path from the root of the repository')
            target = source.own_include(options.root, path, kind, name)
            if target is None:
                continue
            if not (options.root / target).is_file():
                report.add(path, line, f"{name}: no such file in the repository")
                continue
            file_graph.setdefault(path, set()).add(target)
            other = room_of(target, rooms)
            if other == room:
                continue
            room_graph.setdefault(room, set()).add(other)
            if other is None or not allows(rooms[room][1], other):
                report.add(path, line, f"{room} may not include {other} ({name}): "
                           "its row in tools/lint/layers.txt does not name it")
    for what, graph in (("files", file_graph), ("rooms", room_graph)):
        found = cycle(graph)
        if found:
            report.add(found[0], 1, f"include cycle of {what}: " + " -> ".join(found))
    return report.finish(f"{len(paths)} files")


if __name__ == "__main__":
    source.run(main)
