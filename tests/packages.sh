# To be sourced: installs what is missing on Debian 12 or Ubuntu 24.04.
#
#   fptc_need_packages build    to build the library and to run the quickstart
#   fptc_need_packages test     and to run all tests
#   fptc_need_python DIR        the official client, for the tests that compare with it, into DIR
#
# Nothing is installed, and no network is used, when nothing is missing.

# Each word is a package, or command=package where any program of that name will do.
fptc_packages_build="gcc=gcc cmake=cmake ninja=ninja-build python3=python3 sqlite3=sqlite3
    libc6-dev libsqlite3-dev libcurl4-openssl-dev libcjson-dev zlib1g-dev"
fptc_packages_test="g++=g++ nm=binutils ldd=libc-bin file=file pkg-config=pkg-config libcmocka-dev
    clang-format-14 clang-tidy-14 pip3=python3-pip spin=spin"

fptc_has_package() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Prints which of the given words are not there, as package names.
fptc_missing_packages() {
    local word
    for word in "$@"; do
        case $word in
        *=*) command -v "${word%%=*}" >/dev/null || echo "${word#*=}" ;;
        clang-*-14) command -v "$word" >/dev/null || fptc_has_package "$word" || echo "$word" ;;
        *) fptc_has_package "$word" || echo "$word" ;;
        esac
    done
}

# Runs a command as root: directly, or with sudo.
fptc_as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

fptc_need_packages() {
    local words=$fptc_packages_build missing log package
    if [ "$1" = test ]; then
        words="$words $fptc_packages_test"
    fi
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "packages: this is neither Debian nor Ubuntu; needed are:" $words >&2
        return 1
    fi
    missing=$(fptc_missing_packages $words)
    if [ -z "$missing" ]; then
        echo "packages: all there"
        return 0
    fi
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        echo "packages: be root or have sudo to install:" $missing >&2
        return 1
    fi
    echo "packages: installing" $missing
    log=$(mktemp)
    if ! fptc_as_root apt-get -q update >"$log" 2>&1 ||
        ! fptc_as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -q -y --no-install-recommends install $missing >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "packages: apt-get failed, see above" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# The official client, exactly the version whose signatures and results fptcache.Shotgun promises.
fptc_python_packages="shotgun_api3==3.10.3"

# Without it the tests that need it are skipped by name, so not having it is no failure.
fptc_need_python() {
    local folder=$1
    if [ -f "$folder/packages" ] && [ "$(cat "$folder/packages")" = "$fptc_python_packages" ]; then
        echo "packages: Python packages all there"
        return 0
    fi
    echo "packages: installing $fptc_python_packages into $folder"
    rm -rf "$folder"
    if python3 -m pip --disable-pip-version-check --no-cache-dir -q install --no-deps --target "$folder" \
        $fptc_python_packages </dev/null; then
        echo "$fptc_python_packages" >"$folder/packages"
    else
        echo "packages: pip could not install $fptc_python_packages; the tests that need it are skipped"
    fi
}

# What docs/failover.md shows the cache to, for the test that runs it. 150 MB, once.
fptc_analysis_packages="pandas==2.3.3 duckdb==1.4.2"
fptc_need_analysis() {
    local folder=$1
    if [ -f "$folder/packages" ] && [ "$(cat "$folder/packages")" = "$fptc_analysis_packages" ]; then
        return 0
    fi
    echo "packages: installing $fptc_analysis_packages into $folder"
    rm -rf "$folder"
    if python3 -m pip --disable-pip-version-check --no-cache-dir -q install --target "$folder" \
        $fptc_analysis_packages </dev/null; then
        echo "$fptc_analysis_packages" >"$folder/packages"
    else
        echo "packages: pip could not install $fptc_analysis_packages; the blocks that need them are skipped"
    fi
}
