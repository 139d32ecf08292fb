#!/usr/bin/env bash
# Installs code-server, Visual Studio Code in a browser, for test/lsp/code-server.test.ts: `scripts/install-code-server.sh FOLDER`, of this repository
# or not. It wants Node 20 and a compiler of C++. Its own scripts of installation fetch from elsewhere than the registry, so that none is run: what they
# would build is built here from the packages. Prints what to set for the test to find it.
set -euo pipefail

version=4.99.4 # the newest for Node 20
folder=$(mkdir -p "$1" && cd "$1" && pwd)
gyp=$(dirname "$(readlink -f "$(command -v npm)")")/../node_modules/node-gyp/bin/node-gyp.js
headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
if [ -d "$headers/include/node" ]; then export npm_config_nodedir=$headers; fi
export npm_config_node_gyp=$gyp

cd "$folder"
[ -e package.json ] || npm init -y >/dev/null
npm install --ignore-scripts "code-server@$version"
vscode=$folder/node_modules/code-server/lib/vscode
(cd "$vscode" && npm install --ignore-scripts --omit=dev)
(cd node_modules/argon2 && node ../@mapbox/node-pre-gyp/bin/node-pre-gyp rebuild --build-from-source)
for module in @vscode/spdlog native-watchdog node-pty; do (cd "$vscode/node_modules/$module" && node "$gyp" rebuild); done
ln -sfn node_modules "$vscode/node_modules.asar"

entry=$folder/node_modules/code-server/out/node/entry.js
node "$entry" --version
echo "export LACE_CODE_SERVER=$entry"
