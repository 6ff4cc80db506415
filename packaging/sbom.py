#!/usr/bin/env python3
"""Writes a CycloneDX list of everything that goes into the artefacts, from what cargo resolved.

    packaging/sbom.py PACKAGE... > sbom.json

The same lock file gives the same list, to the byte.
"""
import json, subprocess, sys, tomllib

roots = set(sys.argv[1:])
metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--locked", "--format-version", "1"]))
with open(metadata["workspace_root"] + "/Cargo.lock", "rb") as file:
    sums = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(file)["package"]}
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

def needed(node):
    """What is built into a package, or builds it; not what only tests it."""
    return sorted({dep["pkg"] for dep in node["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])})

def ref(identity):
    package = packages[identity]
    return f"pkg:cargo/{package['name']}@{package['version']}"

unknown = roots - {package["name"] for package in packages.values()}
if unknown:
    sys.exit(f"no such package: {', '.join(sorted(unknown))}")
todo = [identity for identity, package in packages.items() if package["name"] in roots and package["source"] is None]
reached = set()
while todo:
    identity = todo.pop()
    if identity not in reached:
        reached.add(identity)
        todo += needed(nodes[identity])

components = []
for identity in sorted(reached, key=ref):
    package = packages[identity]
    component = {
        "type": "application" if package["name"] in roots else "library",
        "bom-ref": ref(identity),
        "name": package["name"],
        "version": package["version"],
        "purl": ref(identity),
    }
    if package["license"]:
        component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if digest := sums.get((package["name"], package["version"])):
        component["hashes"] = [{"alg": "SHA-256", "content": digest}]
    components.append(component)

version = next(package["version"] for package in packages.values() if package["name"] == "sluicebox")
bom = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {"component": {"type": "application", "bom-ref": "sluicebox", "name": "sluicebox", "version": version}},
    "components": components,
    "dependencies": [{"ref": "sluicebox", "dependsOn": sorted(f"pkg:cargo/{name}@{version}" for name in roots)}]
    + [{"ref": ref(i), "dependsOn": sorted(set(map(ref, needed(nodes[i]))))} for i in sorted(reached, key=ref)],
}
json.dump(bom, sys.stdout, indent=1)
print()
