#!/usr/bin/env bash
# The stand-alone server as an OCI artefact, in the form that registries and runtimes expect: a config
# `application/vnd.wasm.config.v0+json`, which says what it imports, exports and targets, and one layer
# `application/wasm`.
#
#   packaging/oci.sh layout WASM FOLDER            writes an OCI image layout, for any tool that copies those
#   packaging/oci.sh push WASM REGISTRY/NAME:TAG   pushes it, with curl
#   packaging/oci.sh pull REGISTRY/NAME:TAG WASM   pulls its layer, and checks the digests; what push says,
#                                                  REGISTRY/NAME@sha256:..., names the artefact too
#
# SCHEME=http is for a registry without TLS; CURL_OPTIONS are added to every call (for instance --netrc).
set -euo pipefail

# However it was called: by its path, by its name alone, through a link.
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
scheme=${SCHEME:-https}
read -ra options <<<"${CURL_OPTIONS:-}"
manifest_type=application/vnd.oci.image.manifest.v1+json
config_type=application/vnd.wasm.config.v0+json

digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
size() { stat -c %s "$1"; }
call() { curl --silent --show-error --fail ${options[@]+"${options[@]}"} "$@"; }

# Writes config and manifest for $1 into folder $2. The same program gives the same bytes.
describe() {
    local wasm=$1 folder=$2 layer component
    component=$("$here/component.py" "$wasm")
    case $component in
        *'"target":"wasi:cli/command@0.2.'*) ;;
        *'"target":"'*)
            echo "$wasm: a command, but not of WASI 0.2, which the artefact's labels say" >&2
            return 1
            ;;
        *)
            echo "$wasm: a component, but no command: it does not export wasi:cli/run" >&2
            return 1
            ;;
    esac
    layer=$(digest "$wasm")
    printf '{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["%s"],"component":%s}' \
        "$layer" "$component" >"$folder/config"
    printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"%s","size":%d},"layers":[{"mediaType":"application/wasm","digest":"%s","size":%d,"annotations":{"org.opencontainers.image.title":"sluicebox-serve.wasm"}}],"annotations":{"org.opencontainers.image.title":"sluicebox-serve","org.opencontainers.image.description":"Records RTMP publishers: a WASI 0.2 command","org.opencontainers.image.licenses":"MIT OR Apache-2.0"}}' \
        "$manifest_type" "$config_type" "$(digest "$folder/config")" "$(size "$folder/config")" \
        "$layer" "$(size "$wasm")" >"$folder/manifest"
}

# Splits REGISTRY/NAME:TAG, or REGISTRY/NAME@DIGEST where $2 allows that.
address() {
    registry=${1%%/*}
    name=${1#*/}
    if [[ -n ${2:-} && $1 =~ ^[^/]+/[^@]+@sha256:[0-9a-f]{64}$ ]]; then
        tag=${name#*@}
        name=${name%@*}
        # Docker's own way to write both: the digest counts.
        [[ ${name##*/} != *:* ]] || name=${name%:*}
    else
        tag=${name##*:}
        name=${name%:*}
        [[ $1 == */*:* && -n $tag && $tag != */* && $name != *@* ]] ||
            { echo "$1 is no REGISTRY/NAME:TAG${2:+ or REGISTRY/NAME@sha256:DIGEST}" >&2; exit 2; }
    fi
    base=$scheme://$registry/v2/$name
}

upload() {
    local file=$1 location join='?'
    call --head "$base/blobs/$(digest "$file")" >/dev/null 2>&1 && return
    location=$(call --request POST --output /dev/null --write-out '%header{location}' "$base/blobs/uploads/")
    [[ $location == *://* ]] || location=$scheme://$registry$location
    [[ $location != *\?* ]] || join='&'
    call --request PUT --header 'Content-Type: application/octet-stream' --data-binary "@$file" \
        "$location${join}digest=$(digest "$file")"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case "${1:-} $#" in
    "layout 3")
        describe "$2" "$work"
        mkdir -p "$3/blobs/sha256"
        for file in "$work/config" "$work/manifest" "$2"; do
            blob=$(digest "$file")
            cp "$file" "$3/blobs/sha256/${blob#*:}"
        done
        printf '{"imageLayoutVersion":"1.0.0"}' >"$3/oci-layout"
        printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"%s","size":%d,"platform":{"architecture":"wasm","os":"wasip2"}}]}' \
            "$manifest_type" "$(digest "$work/manifest")" "$(size "$work/manifest")" >"$3/index.json"
        ;;
    "push 3")
        address "$3"
        describe "$2" "$work"
        upload "$2"
        upload "$work/config"
        call --request PUT --header "Content-Type: $manifest_type" --data-binary "@$work/manifest" \
            "$base/manifests/$tag"
        echo "$registry/$name@$(digest "$work/manifest")"
        ;;
    "pull 3")
        address "$2" or-digest
        call --header "Accept: $manifest_type" --output "$work/manifest" "$base/manifests/$tag"
        [[ $tag != sha256:* || $(digest "$work/manifest") == "$tag" ]] ||
            { echo "$2: the manifest is damaged" >&2; exit 1; }
        layer=$(sed -n 's/.*"mediaType":"application\/wasm","digest":"\([^"]*\)".*/\1/p' "$work/manifest")
        [[ -n $layer ]] || { echo "$2 has no layer application/wasm" >&2; exit 1; }
        call --location --output "$work/layer" "$base/blobs/$layer"
        [[ $(digest "$work/layer") == "$layer" ]] || { echo "$2: the layer is damaged" >&2; exit 1; }
        cp "$work/layer" "$3"
        ;;
    *)
        sed -n '2,/^set/{s/^# \{0,1\}//;/^set/!p}' "$here/oci.sh" >&2
        exit 2
        ;;
esac
