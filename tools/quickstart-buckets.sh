# shellcheck shell=bash disable=SC2154
# Sourced by quickstart.sh and quickstart-stop.sh: the object store of `make quickstart BUCKETS=1`, a
# private Ceph in $home/store, and a bucket shown from its order to an upload.

store=$home/store

# Prints the port of the store, which is chosen once.
store_port() {
    if [ ! -e "$store/admin.env" ]; then
        local port
        while port=$(free_port) && ! port_is_free $((port + 1)); do :; done
        echo "$port"
    else
        sed -nE 's|^RGW_ENDPOINT=.*:([0-9]+)$|\1|p' "$store/admin.env"
    fi
}

# Brings the store up. The programs are unpacked once for the machine, which takes a minute.
start_store() {
    local from
    from=$(date +%s%N)
    if [ ! -e /var/cache/appinfra/ceph-trixie/unpacked ]; then
        echo "Ceph is unpacked into /var/cache/appinfra (500 MB), once: this takes a minute."
    fi
    "$root/tools/rgw.sh" up "$store" "$(store_port)" >/dev/null || die "the object store did not start"
    endpoint=$(sed -n 's/^RGW_ENDPOINT=//p' "$store/admin.env")
    echo "A Ceph of its own runs in $store: $endpoint ($(since "$from"))"
}

stop_store() {
    if [ -d "$store" ]; then "$root/tools/rgw.sh" down "$store" >/dev/null || true; fi
}

# Prints the variables by which the sidecar gets at the store, one a line; the secret is in a file that
# only the server user reads.
store_environment() {
    sed -n 's/^RGW_SECRET_KEY=//p' "$store/admin.env" | as_server sh -c 'umask 077; cat >"$0"' "$home/run/store-key"
    sed -nE "s/^RGW_ENDPOINT=/APPINFRA_S3_ADMIN_URL=/p; s/^RGW_ACCESS_KEY=/APPINFRA_S3_ADMIN_ACCESS_KEY=/p" "$store/admin.env"
    echo "APPINFRA_S3_ADMIN_SECRET_KEY_FILE=$home/run/store-key"
}

# Tells the host of the store: apps learn its address from there.
configure_store() {
    superuser_psql -q -d postgres -c "ALTER SYSTEM SET appinfra.s3_endpoint = '$endpoint'" \
        -c "SELECT pg_reload_conf()" >/dev/null
}

bucket_arrived() {
    grep -qs '^OF_S3_SECRET_KEY=' "$env_file"
}

# Prints the value of a variable of the app.
of_app() {
    sed -n "s/^$1=//p" "$env_file" | tr -d "\"'"
}

# Runs curl as the app: the key comes to it by standard input, so that no command line has it.
as_app() {
    printf 'user = "%s:%s"\n' "$(of_app OF_S3_ACCESS_KEY)" "$(of_app OF_S3_SECRET_KEY)" |
        curl -fsS -K - --aws-sigv4 "aws:amz:$(of_app OF_S3_REGION):s3" -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" "$@"
}

# Orders a bucket for the app, waits for its variables, uploads a file and reads it back.
show_bucket() {
    local from object text
    step "7. A bucket for the same app"
    configure_store
    show_sql "SELECT * FROM appinfra.provision_bucket('$app_id', 'user@example.com', '$slug')"
    from=$(date +%s%N)
    wait_for 60 bucket_arrived || die_with_log "$sidecar_log" "the bucket's variables did not arrive in $env_file"
    echo "Its five variables arrived after $(since "$from")."
    echo "\$ grep OF_S3 $env_file        (the secret is masked here, and only here)"
    grep '^OF_S3_' "$env_file" | sed -E 's|^(OF_S3_SECRET_KEY=.?)[A-Za-z0-9+/=]+|\1********|'
    object=$(of_app OF_S3_ENDPOINT)/$(of_app OF_S3_BUCKET)/hello.txt
    echo "\$ curl -T hello.txt $object        (signed with the app's key)"
    echo "written with the key nobody has seen" >"$home/hello.txt"
    as_app -T "$home/hello.txt" "$object" || die "the upload failed"
    echo "\$ curl $object"
    text=$(as_app "$object") || die "the download failed"
    echo "$text"
    [ "$text" = "$(cat "$home/hello.txt")" ] || die "that is not what was uploaded"
    if curl -fsS "$object" >/dev/null 2>&1; then die "the object is open to everybody"; fi
    echo "Nobody without the key reads it: 403."
}
