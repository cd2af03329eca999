/* Reads certificates with OpenSSL. See certificates.hpp. */
#include "base/certificates.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace appinfra::certificates
{

constexpr const char *begin_mark = "-----BEGIN CERTIFICATE-----";
constexpr const char *end_mark = "-----END CERTIFICATE-----";

static const char *read_file(const char *path, const char **problem);
static X509 *next_certificate(const char **at);
static bool append(StringInfo to, X509 *certificate);
static bool is_among(const char *authorities, X509 *certificate);
static bool is_for(X509 *certificate, const char *host);
static int64 expiry(const X509 *certificate);

const char *
read_bundle(const char *path, const char **problem)
{
    const char *at = read_file(path, problem);
    StringInfoData bundle;

    if (at == nullptr)
        return nullptr;
    initStringInfo(&bundle);
    for (at += strspn(at, " \t\r\n"); *at != '\0'; at += strspn(at, " \t\r\n")) {
        X509 *certificate = next_certificate(&at);

        if (certificate == nullptr) {
            *problem = strncmp(at, begin_mark, strlen(begin_mark)) == 0
                           ? psprintf("A certificate in \"%s\" cannot be read.", path)
                           : psprintf("\"%s\" has something else than certificates.", path);
            return nullptr;
        }
        bool written = append(&bundle, certificate);
        X509_free(certificate);
        if (!written) {
            *problem = psprintf("A certificate in \"%s\" cannot be written anew.", path);
            return nullptr;
        }
    }
    if (bundle.len == 0) {
        *problem = psprintf("\"%s\" has no certificate.", path);
        return nullptr;
    }
    return bundle.data;
}

/* Returns the text of a file that is small enough, and has no zero byte. */
static const char *
read_file(const char *path, const char **problem)
{
    char *text = static_cast<char *>(palloc(bundle_limit + 2));
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    ssize_t length = -1;

    if (file >= 0 && fstat(file, &status) == 0 && !S_ISREG(status.st_mode))
        errno = EINVAL;
    else if (file >= 0)
        length = read(file, text, bundle_limit + 1);
    if (length < 0)
        *problem = psprintf("\"%s\" cannot be read: %s.", path, strerror(errno));
    if (file >= 0)
        close(file);
    if (length < 0)
        return nullptr;
    text[length] = '\0';
    if (length <= bundle_limit && strlen(text) == static_cast<size_t>(length))
        return text;
    *problem = length > bundle_limit
                   ? psprintf("\"%s\" has more than %d bytes.", path, bundle_limit)
                   : psprintf("\"%s\" has something else than certificates.", path);
    return nullptr;
}

/* Returns the certificate of the block that begins here, and moves behind it; null: none does. */
static X509 *
next_certificate(const char **at)
{
    const char *end = strstr(*at, end_mark);

    if (strncmp(*at, begin_mark, strlen(begin_mark)) != 0 || end == nullptr)
        return nullptr;
    end += strlen(end_mark);
    BIO *block = BIO_new_mem_buf(*at, static_cast<int>(end - *at));
    X509 *certificate =
        block != nullptr ? PEM_read_bio_X509(block, nullptr, nullptr, nullptr) : nullptr;
    BIO_free(block);
    ERR_clear_error(); /* what is left there would be taken for the connection's */
    if (certificate != nullptr)
        *at = end;
    return certificate;
}

/* Appends a certificate in PEM. */
static bool
append(StringInfo to, X509 *certificate)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text = nullptr;
    bool written = out != nullptr && PEM_write_bio_X509(out, certificate) == 1;

    if (written) {
        long length = BIO_get_mem_data(out, &text);
        appendBinaryStringInfo(to, text, static_cast<int>(length));
    }
    BIO_free(out);
    return written;
}

Shown
look_at(const char *path, const char *host, const char *authorities)
{
    Shown shown = {};
    BIO *file = BIO_new_file(path, "r");
    X509 *certificate =
        file != nullptr ? PEM_read_bio_X509(file, nullptr, nullptr, nullptr) : nullptr;

    if (certificate != nullptr) {
        shown = {.found = true,
                 .self_signed = X509_NAME_cmp(X509_get_subject_name(certificate),
                                              X509_get_issuer_name(certificate)) == 0,
                 .trusted = is_among(authorities, certificate),
                 .named = is_for(certificate, host),
                 .expires = expiry(certificate)};
        X509_free(certificate);
    }
    BIO_free(file);
    ERR_clear_error();
    return shown;
}

int64
first_expiry(const char *authorities)
{
    int64 first = 0;
    const char *at = authorities;

    for (X509 *one; (one = next_certificate(&at)) != nullptr; at += strspn(at, "\n")) {
        int64 expires = expiry(one);

        first = first == 0 || expires < first ? expires : first;
        X509_free(one);
    }
    return first;
}

/* Tells whether a certificate stands among these itself. */
static bool
is_among(const char *authorities, X509 *certificate)
{
    bool found = false;
    const char *at = authorities;

    for (X509 *one; (one = next_certificate(&at)) != nullptr; at += strspn(at, "\n")) {
        found = found || X509_cmp(one, certificate) == 0;
        X509_free(one);
    }
    return found;
}

/* Tells whether a certificate names the host, by one of its alternative names where it has any. */
static bool
is_for(X509 *certificate, const char *host)
{
    return X509_check_ip_asc(certificate, host, 0) == 1 ||
           X509_check_host(certificate, host, 0, 0, nullptr) == 1;
}

/* Returns when a certificate expires, in seconds since 1970. */
static int64
expiry(const X509 *certificate)
{
    struct tm time = {};

    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1)
        return 0;
    return static_cast<int64>(timegm(&time));
}

} // namespace appinfra::certificates
