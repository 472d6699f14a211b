#!/usr/bin/env python3
"""Draws docs/architecture.svg: the rooms by floor, an arrow for every include that crosses rooms.

Read from the sources, never by hand. An arrow that others imply (A to C beside A to B to C) is
drawn pale. --check compares instead of writing.
"""
import pathlib
import sys
from xml.sax.saxutils import escape

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lint"))
import layers  # noqa: E402
import source  # noqa: E402

BOX_WIDTH, BOX_HEIGHT, GAP, FLOOR_STEP, LEFT, TOP = 132, 44, 26, 96, 70, 64
PRODUCT_FLOORS = range(0, 12)
FOLDERS = ("include", "core", "transport", "actors")


def graph_of(root, rooms):
    """{room: {other rooms}} and {room: (files, lines)} from the sources."""
    graph, size = {}, {}
    for path in source.files(root, suffixes={".c", ".h", ".S"}, folders=FOLDERS):
        room = layers.room_of(path, rooms)
        if room is None:
            continue
        text = source.read(root, path)
        files, lines = size.get(room, (0, 0))
        size[room] = (files + 1, lines + text.count("\n"))
        graph.setdefault(room, set())
        for _, kind, name in source.includes(text):
            target = source.own_include(root, path, kind, name)
            other = layers.room_of(target, rooms) if target else None
            if other and other != room:
                graph[room].add(other)
    return graph, size


def reachable(graph, start, without):
    """Rooms reachable from start when its direct arrow to `without` is not taken."""
    seen, todo = set(), [n for n in graph.get(start, ()) if n != without]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += graph.get(node, ())
    return seen


def place(size, rooms):
    """{room: (x, y)}: floor by floor, the lowest at the bottom, each centred."""
    floors = {}
    for room in size:
        floors.setdefault(rooms[room][0], []).append(room)
    order = [r for r in rooms]
    widest = max((len(v) for v in floors.values()), default=1)
    width = LEFT * 2 + widest * (BOX_WIDTH + GAP) - GAP
    at = {}
    used = sorted(floors, reverse=True)
    for row, floor in enumerate(used):
        names = sorted(floors[floor], key=order.index)
        span = len(names) * (BOX_WIDTH + GAP) - GAP
        for column, room in enumerate(names):
            at[room] = ((width - span) / 2 + column * (BOX_WIDTH + GAP), TOP + row * FLOOR_STEP)
    return at, used, width, TOP + len(used) * FLOOR_STEP + 10


def arrow(at, graph, room, other):
    implied = other in reachable(graph, room, other)
    style = "implied" if implied else "direct"
    x1, y1 = at[room][0] + BOX_WIDTH / 2, at[room][1] + BOX_HEIGHT
    x2, y2 = at[other][0] + BOX_WIDTH / 2, at[other][1]
    if abs(at[room][1] - at[other][1]) < 1:
        side = 1 if x2 > x1 else -1
        x1, y1 = x1 + side * BOX_WIDTH / 2, y1 - BOX_HEIGHT / 2
        x2, y2 = x2 - side * BOX_WIDTH / 2, y2 + BOX_HEIGHT / 2
        path = f"M{x1:.0f} {y1:.0f} L{x2:.0f} {y2:.0f}"
    else:
        bend = (y2 - y1) / 2
        path = (f"M{x1:.0f} {y1:.0f} C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} "
                f"{x2:.0f} {y2:.0f}")
    title = escape(f"{room} includes {other}")
    return implied, (f'<path class="{style}" d="{path}" marker-end="url(#{style})">'
                     f"<title>{title}</title></path>")


def boxes(at, size):
    for room, (x, y) in sorted(at.items()):
        files, lines = size[room]
        plural = "s" if files != 1 else ""
        middle = x + BOX_WIDTH / 2
        yield (f'<g><rect class="{room.split("/")[0]}" x="{x:.0f}" y="{y:.0f}" width="{BOX_WIDTH}" '
               f'height="{BOX_HEIGHT}" rx="6"/>'
               f'<text class="room" x="{middle:.0f}" y="{y + 19:.0f}">{escape(room)}</text>'
               f'<text class="size" x="{middle:.0f}" y="{y + 34:.0f}">'
               f"{files} file{plural}</text></g>")


STYLE = """
    text { font-family: system-ui, sans-serif; text-anchor: middle; fill: #1f2933 }
    .title { font-size: 16px; font-weight: 600; text-anchor: start }
    .note, .floor, .size { font-size: 11px; fill: #616e7c }
    .note, .floor { text-anchor: start }
    .room { font-size: 13px; font-weight: 600 }
    rect { stroke: #52606d; stroke-width: 1 }
    .include { fill: #fff3c4 } .core { fill: #dceefb }
    .actors { fill: #e3f9e5 } .transport { fill: #ffe3ec }
    path { fill: none }
    path.direct { stroke: #334e68; stroke-width: 1.4 }
    path.implied { stroke: #bcccdc; stroke-width: 0.8 }
"""


def marker(name, color):
    return (f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" '
            f'style="fill:{color}"/></marker>')


def draw(root):
    rooms = layers.load(source.HERE / "layers.txt", source.Report("layers"))
    graph, size = graph_of(root, rooms)
    at, floors, width, height = place(size, rooms)
    arrows = sorted((arrow(at, graph, room, other) for room in sorted(graph)
                     for other in sorted(graph[room]) if other in at), key=lambda a: not a[0])
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        "<title>The rooms of troupe and who includes whom</title>",
        f"<style>{STYLE}</style>",
        f'<defs>{marker("direct", "#334e68")}{marker("implied", "#bcccdc")}</defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" style="fill:#fff;stroke:none"/>',
        f'<text class="title" x="{LEFT}" y="26">The rooms of troupe</text>',
        f'<text class="note" x="{LEFT}" y="44">An arrow is a real include from room to room; pale '
        "arrows are implied by others. Drawn by tools/docs/architecture.py.</text>",
    ]
    lines += [f'<text class="floor" x="14" y="{TOP + row * FLOOR_STEP + 26}">floor {floor}</text>'
              for row, floor in enumerate(floors)]
    lines += [text for _, text in arrows]
    lines += list(boxes(at, size))
    return "\n".join(lines) + "\n</svg>\n"


def main():
    options = source.arguments(__doc__, lambda p: p.add_argument("--check", action="store_true"))
    report = source.Report("architecture")
    path = options.root / "docs/architecture.svg"
    picture = draw(options.root)
    if not options.check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(picture)
    elif not path.is_file() or path.read_text() != picture:
        report.add("docs/architecture.svg", 1,
                   "is not what the includes give: run tools/docs/architecture.py")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
