#!/usr/bin/env bash
# Run every check of this project, and first install what the checks need.
#
#   bash tests/run_all.sh [arguments for pytest]
#
# Needs Python 3.11 or later with pip; the rest is installed: Python packages into the folder
# .venv-tests (or $VENV), and, where there is apt-get and the right to use it, system packages.
# PYTHON names the interpreter, by default the first python3 that is recent enough.
set -euo pipefail
exec </dev/null
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What lies outside the environment that is made here must not matter.
unset PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE=1
export NO_MKDOCS_2_WARNING=1 # advertising on standard error

venv=${VENV:-.venv-tests}
[[ $venv == /* ]] || venv=$PWD/$venv

# A window of napari needs OpenGL and Qt's platform plugin xcb, without a monitor also Xvfb.
system_packages=(
    xvfb xauth libgl1 libegl1 libgl1-mesa-dri libdbus-1-3 libxkbcommon-x11-0 libxcb-cursor0
    libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0
    libxcb-xinerama0
)

step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }
warn() { printf 'run_all.sh: %s\n' "$*" >&2; }
stop() {
    warn "$@"
    exit 1
}

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Install those of the named system packages that are missing.
install_system_packages() {
    local missing=() package
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    local as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        sudo -n true 2>/dev/null || {
            warn "not root and no sudo without a password: not installing ${missing[*]}"
            return 1
        }
        as_root=(sudo -n)
    fi
    echo "installing ${missing[*]}"
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3)
    "${apt[@]}" update || warn "apt-get update failed; trying with the lists at hand"
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local python=$1
    if "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        return
    fi
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then # Debian ships it apart
        local version
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        command -v apt-get >/dev/null && install_system_packages "python$version-venv" ||
            stop "$python has no ensurepip, which venv needs; install python$version-venv."
    fi
    "$python" -m venv --clear "$venv"
}

step "system packages"
if command -v apt-get >/dev/null; then
    install_system_packages "${system_packages[@]}" ||
        warn "system packages are missing; tests that open a window cannot run without them."
else
    warn "no apt-get here: if tests that open a window fail, install what corresponds to" \
        "Debian's ${system_packages[*]}."
fi

step "Python packages"
python=$(find_python) || stop "found no Python 3.11 or later; install one or set PYTHON to its path."
make_venv "$python"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet --no-input)
# what is imported is compiled then; much of it never is
"${pip[@]}" install --no-compile -c constraints.txt ".[test,lint,docs]"
PATH="$venv/bin:$PATH"
python --version

failed=()
check() {
    step "$*"
    "$@" || failed+=("$*")
}

# In one process beside all that follows, so that both processors have work to the end, and what
# is loaded first (bytecode, compiled kernels) is made once for all.
pyside_log=$venv/pyside6.log
QT_API=pyside6 python -m pytest -o qt_api=pyside6 -p no:cacheprovider -n0 -m binding \
    tests/plugin tests/live >"$pyside_log" 2>&1 &
pyside=$!
trap 'kill "$pyside" 2>/dev/null || true' EXIT
check ruff check src tests benchmarks docs
check ruff format --check src tests benchmarks docs
check mypy
check lint-imports
check mkdocs build --strict --quiet --site-dir "$venv/site"

step "pytest"
tests_failed=0
pytest_log=$venv/pytest.log
python -m pytest "$@" 2>&1 | tee "$pytest_log" || tests_failed=$?

step "pytest with PySide6, beside the above, of what depends on the Qt binding"
wait "$pyside" || tests_failed=$?
trap - EXIT
cat "$pyside_log"
step "end"
# again, since thousands of lines may stand between them and the end
grep -hE '^(FAILED|ERROR) ' "$pytest_log" "$pyside_log" || true
[[ ${#failed[@]} -eq 0 ]] || stop "checks other than pytest failed:$(printf ' [%s]' "${failed[@]}")"
exit "$tests_failed"
