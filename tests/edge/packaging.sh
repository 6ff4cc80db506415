#!/usr/bin/env bash
# Tries what is shipped around the programs: the OCI artefact against a real registry, the units with
# systemd-analyze, the Kubernetes manifest, the list of what is in the artefacts.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
registry=
trap '[[ -z $registry ]] || { kill "$registry"; wait "$registry"; } 2>/dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "packaging: $*" >&2
    exit 1
}

# Debian's registry, on a free port of this machine.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/registry.yml" <<END
version: 0.1
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry=$!
export SCHEME=http
for _ in $(seq 100); do curl --silent "http://127.0.0.1:$port/v2/" >/dev/null && break; sleep 0.1; done

wasm=target/edge/sluicebox-serve.wasm
at=127.0.0.1:$port/site/sluicebox-serve:1
pushed=$(packaging/oci.sh push "$wasm" "$at")
packaging/oci.sh push "$wasm" "$at" >"$work/again" || fail "pushing once more failed"
[[ $(cat "$work/again") == "$pushed" ]] || fail "the same program is another artefact"
packaging/oci.sh pull "$at" "$work/pulled.wasm"
cmp "$wasm" "$work/pulled.wasm" || fail "what was pulled is not what was pushed"
# By what was said at its push, and only if it is that. Called by its name alone, and through a link.
ln -s "$PWD/packaging/oci.sh" "$work/oci-link"
rm "$work/pulled.wasm"
"$work/oci-link" pull "$pushed" "$work/pulled.wasm" || fail "cannot pull $pushed"
cmp "$wasm" "$work/pulled.wasm" || fail "what was pulled by its digest is not what was pushed"
"$work/oci-link" layout "$wasm" "$work/by-link" || fail "cannot be called through a link"
PATH=$PWD/packaging:$PATH oci.sh layout "$wasm" "$work/by-name" || fail "cannot be called by its name"
(cd packaging && bash oci.sh layout "../$wasm" "$work/by-name") || fail "cannot be called in its folder"
! "$work/oci-link" pull "${pushed%@*}@sha256:$(printf '0%.0s' {1..64})" "$work/none" 2>/dev/null || fail "pulled another"
said=$(packaging/oci.sh pull "${pushed%?}" "$work/none" 2>&1) && fail "pulled by half a digest"
[[ $said == *"is no REGISTRY/NAME:TAG or "* ]] || fail "half a digest: $said"
# A registry that gives something else under the digest.
blob=$(find "$work/registry" -path "*/blobs/sha256/*/${pushed##*:}/data")
cp "$blob" "$work/manifest"
echo >>"$blob"
said=$(packaging/oci.sh pull "$pushed" "$work/none" 2>&1) && fail "pulled what is damaged"
cp "$work/manifest" "$blob"
[[ $said == *"the manifest is damaged"* ]] || echo "packaging: the registry itself says: $said"
said=$(target/edge-tools/bin/wasmtime-oldest run "$work/pulled.wasm" --help 2>&1) || fail "what was pulled does not run"
[[ $said == *--record-dir* ]] || fail "what was pulled says: $said"
types=$(curl --silent --header 'Accept: application/vnd.oci.image.manifest.v1+json' \
    "http://127.0.0.1:$port/v2/site/sluicebox-serve/manifests/1" |
    python3 -c 'import json, sys; m = json.load(sys.stdin); print(m["mediaType"], m["config"]["mediaType"], *(l["mediaType"] for l in m["layers"]))')
[[ $types == "application/vnd.oci.image.manifest.v1+json application/vnd.wasm.config.v0+json application/wasm" ]] ||
    fail "media types: $types"

# What a runtime reads before it pulls the layer: what the program needs, against what the linker of components says.
fetch() { curl --silent --fail "http://127.0.0.1:$port/v2/site/sluicebox-serve/$1" "${@:2}"; }
config=$(fetch manifests/1 --header 'Accept: application/vnd.oci.image.manifest.v1+json' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["digest"])')
fetch "blobs/$config" >"$work/config"
[[ "sha256:$(sha256sum "$work/config" | cut -d' ' -f1)" == "$config" ]] || fail "the config is damaged"
target/debug/edge-build --inspect "$wasm" >"$work/inspected"
python3 - "$work/config" "$work/inspected" "$(sha256sum "$wasm" | cut -d' ' -f1)" <<'END' || fail "the config"
import json, sys
config = json.load(open(sys.argv[1]))
assert (config["architecture"], config["os"]) == ("wasm", "wasip2"), config
assert config["layerDigests"] == ["sha256:" + sys.argv[3]], config
component = config["component"]
version = component["exports"][0].rpartition("@")[2]
assert component["exports"] == [f"wasi:cli/run@{version}"], component
assert component["target"] == f"wasi:cli/command@{version}", component
lines = [line.split() for line in open(sys.argv[2])]
for kind in ["imports", "exports"]:
    assert sorted(component[kind]) == sorted(name for which, name in lines if which == kind), (kind, component, lines)
for needed in ["sockets/tcp", "filesystem/preopens", "io/poll", "clocks/monotonic-clock"]:
    assert f"wasi:{needed}@{version}" in component["imports"], needed
END
head -c 5000 "$wasm" >"$work/cut.wasm"
# What is no command of WASI 0.2 is not pushed, and it is said why.
refuses() {
    local file=$1 why=$2 said
    ! said=$(packaging/oci.sh push "$file" "127.0.0.1:$port/site/other:1" 2>&1) || fail "pushed $file"
    [[ $said == "$file: $why" ]] || fail "$file: $said"
}
refuses target/edge/sluicebox-filter.wasm "it is no component"
refuses "$work/cut.wasm" "it is cut off"
refuses target/edge/sluicebox-ingest.wasm "a component, but no command: it does not export wasi:cli/run"
refuses target/edge/sluicebox-serve-p3.wasm "a command, but not of WASI 0.2, which the artefact's labels say"
refuses "$work/none.wasm" "No such file or directory"
refuses "$work" "Is a directory"
! fetch ../other/manifests/1 >/dev/null 2>&1 || fail "something was pushed all the same"
[[ $(packaging/component.py 2>&1) == *"packaging/component.py WASM"* ]] || fail "component.py does not say its usage"
packaging/oci.sh layout "$wasm" "$work/oci"
python3 - "$work/oci" <<'END' || fail "the layout does not hold together"
import hashlib, json, pathlib, sys
root = pathlib.Path(sys.argv[1])
def blob(descriptor):
    bytes = (root / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()
    assert len(bytes) == descriptor["size"], descriptor
    assert "sha256:" + hashlib.sha256(bytes).hexdigest() == descriptor["digest"], descriptor
    return bytes
manifest = json.loads(blob(json.loads((root / "index.json").read_text())["manifests"][0]))
config = json.loads(blob(manifest["config"]))
assert config["architecture"] == "wasm" and config["layerDigests"] == [manifest["layers"][0]["digest"]]
assert blob(manifest["layers"][0])[:4] == b"\0asm"
END
! packaging/oci.sh pull "127.0.0.1:$port/site/sluicebox-serve:none" "$work/none" 2>/dev/null || fail "pulled nothing"
echo "packaging: pushed to and pulled from a registry: $pushed"

# Units: as they are but for the programs, which are not installed here.
mkdir "$work/units"
for unit in packaging/systemd/*; do
    sed 's#^\(Exec[A-Za-z]*=-\{0,1\}\)/usr/bin/[a-z-]*#\1/bin/true#; /^Documentation=/d' "$unit" >"$work/units/${unit##*/}"
done
for unit in sluicebox.service sluicebox-host.service sluicebox-serve.service sluicebox-filter.socket sluicebox-filter-compile.service; do
    said=$(systemd-analyze verify --man=no "$work/units/$unit" 2>&1 | grep -F sluicebox || true)
    [[ -z $said ]] || fail "$unit: $said"
done
for unit in packaging/systemd/*.service; do
    # Tenths: 1.5 of 10 is what a network service with a folder to write to can get to.
    systemd-analyze security --no-pager --offline=true --threshold=15 "$unit" >"$work/exposure" ||
        fail "$unit: $(tail -n 1 "$work/exposure")"
    echo "packaging: ${unit##*/}: $(tail -n 1 "$work/exposure")"
done

# The filter's two commands, as the units have them but for the places: what the one compiles, the other runs.
command_of() {
    sed -n 's/^ExecStart=-\{0,1\}//p' "packaging/systemd/$1" | sed "s#/usr/bin/wasmtime#$tools/wasmtime-$2#
        s#/usr/lib/sluicebox/#target/edge/#; s#/run/sluicebox-filter/#$work/run-$2/#; s#/var/lib/sluicebox#$work/lib-$2#"
}
tools=target/edge-tools/bin
for runtime in oldest newest; do
    mkdir "$work/run-$runtime" "$work/lib-$runtime"
    $(command_of sluicebox-filter-compile.service $runtime) || fail "the filter's unit does not compile: $runtime"
    $(command_of sluicebox-filter@.service $runtime) <tests/vectors/ffmpeg-h264-aac/in.bin >/dev/null 2>"$work/filter" ||
        fail "the filter's unit does not run: $runtime: $(cat "$work/filter")"
    [[ -n $(find "$work/lib-$runtime" -name '*.flv') ]] || fail "the filter's unit records nothing: $runtime"
    echo "packaging: the filter's unit runs what was compiled for it: $runtime"
done

PYTHONPATH=target/edge-tools/yaml python3 - packaging/kubernetes/*.yaml <<'END' || fail "the manifest"
import sys, yaml
documents = [document for file in sys.argv[1:] for document in yaml.safe_load_all(open(file))]
kinds = {document["kind"]: document for document in documents}
pod = kinds["Deployment"]["spec"]["template"]
assert pod["spec"]["runtimeClassName"] == kinds["RuntimeClass"]["metadata"]["name"]
assert kinds["Service"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
claims = [volume["persistentVolumeClaim"]["claimName"] for volume in pod["spec"]["volumes"]]
assert claims == [kinds["PersistentVolumeClaim"]["metadata"]["name"]]
ports = [port["containerPort"] for container in pod["spec"]["containers"] for port in container["ports"]]
assert ports == [port["port"] for port in kinds["Service"]["spec"]["ports"]] == [1935]
END
echo "packaging: the Kubernetes manifest holds together"

packaging/sbom.py sluicebox sluicebox-serve >"$work/sbom.json"
packaging/sbom.py sluicebox sluicebox-serve | cmp - "$work/sbom.json" || fail "another list from the same lock file"
python3 - "$work/sbom.json" <<'END' || fail "the list of what is in the artefacts"
import json, sys
bom = json.load(open(sys.argv[1]))
refs = {component["bom-ref"] for component in bom["components"]}
assert all(set(d["dependsOn"]) <= refs for d in bom["dependencies"])
assert any(ref.startswith("pkg:cargo/sluicebox-core@") for ref in refs)
assert all("hashes" in c or c["name"].startswith("sluicebox") for c in bom["components"])
assert not any(c["name"] == "tempfile" for c in bom["components"]), "tests are in it"
END
echo "packaging: the list of what is in the artefacts holds together"

# What is shipped, with binaries as the tests have them.
PROFILE=dev ./dist.sh "$work/dist" >"$work/dist.log" 2>&1 || { cat "$work/dist.log" >&2; fail "dist.sh"; }
touch "$work/dist/kept"
PROFILE=dev ./dist.sh "$work/dist" >"$work/dist.log" 2>&1 || { cat "$work/dist.log" >&2; fail "dist.sh, once more"; }
(
    cd "$work/dist"
    [[ -e kept ]] || fail "dist.sh removed a file that it had not made"
    sha256sum --check --quiet SHA256SUMS
    for file in sluicebox sluicebox-host sluicebox_guest.wasm sluicebox-{ingest,serve,serve-p3,filter}.wasm oci/index.json \
        sbom.cdx.json README.md LICENSE-{MIT,APACHE} docs/{abi,edge}.md wit/ingest.wit examples/node/host.mjs \
        packaging/systemd/sluicebox{,-host,-serve,-filter@,-filter-compile}.service packaging/kubernetes/sluicebox-serve.yaml; do
        grep -q "  ./$file\$" SHA256SUMS || fail "dist has no $file"
    done
    [[ $(./sluicebox --version) == "sluicebox "* && $(./sluicebox-host --version) == "sluicebox-host "* ]]
    cmp sluicebox-serve.wasm "oci/blobs/sha256/$(sha256sum sluicebox-serve.wasm | cut -d' ' -f1)"
    for root in sluicebox sluicebox-host sluicebox-guest sluicebox-component sluicebox-serve sluicebox-serve-p3 sluicebox-filter; do
        grep -q "pkg:cargo/$root@" sbom.cdx.json || fail "$root is not in the list of what is in it"
    done
) || fail "what dist.sh made"
echo "packaging: dist holds together"
