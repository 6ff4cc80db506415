#!/usr/bin/env python3
"""Says what a component imports and exports, and the world that it targets, as the config of an OCI artefact
wants it: one line of JSON.

    packaging/component.py WASM
"""
import json, sys

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        if self.at > len(self.data):
            raise ValueError("it is cut off")
        return self.data[self.at - count:self.at]

    def number(self):  # LEB128
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def name(self):  # with or without a version suffix of its own
        if self.take(1)[0] > 1:
            raise ValueError("a name of an unknown kind")
        return self.take(self.number()).decode()

# Sections of a component, and the only sort of import and export that worlds of interfaces have.
IMPORTS, EXPORTS, INSTANCE = 10, 11, 5

def interfaces(section, kind):
    names, reader = [], Reader(section)
    for _ in range(reader.number()):
        name = reader.name()
        if reader.take(1)[0] != INSTANCE:
            raise ValueError(f"{name} is no interface")
        reader.number()  # Its index.
        if kind == EXPORTS and reader.take(1)[0]:
            raise ValueError(f"{name} has a type of its own")
        names.append(name)
    return names

def describe(data):
    reader, found = Reader(data), {IMPORTS: [], EXPORTS: []}
    if reader.take(8) != b"\0asm\x0d\0\x01\0":
        raise ValueError("it is no component")
    while reader.at < len(data):
        kind = reader.take(1)[0]
        section = reader.take(reader.number())
        if kind in found:
            found[kind] += interfaces(section, kind)
    described = {"exports": found[EXPORTS], "imports": found[IMPORTS]}
    for name in found[EXPORTS]:
        if name.startswith("wasi:cli/run@"):
            described["target"] = name.replace("/run@", "/command@")
    return described

if len(sys.argv) != 2:
    print(__doc__.strip(), file=sys.stderr)
    sys.exit(2)
try:
    with open(sys.argv[1], "rb") as file:
        print(json.dumps(describe(file.read()), separators=(",", ":")))
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error.strerror}")
except ValueError as error:
    sys.exit(f"{sys.argv[1]}: {error}")
