#include "proxy/net/tls_priv.h"

#include "proxy/base/random.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// Begins a day ago, for clocks that are behind; ends when nobody will run this process any more.
enum { DAY_S = 24 * 60 * 60, LIFE_S = 10 * 365 * DAY_S };

static bool serial_set(X509 *certificate)
{
    uint8_t bytes[16];
    random_bytes(bytes, sizeof(bytes));
    bytes[0] &= 0x7f; // a positive number (RFC 5280, 4.1.2.2)
    BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    bool is_set =
        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return is_set;
}

static bool name_set(X509 *certificate)
{
    static const unsigned char name[] = "sluice, self-signed";
    X509_NAME *subject = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, subject) == 1;
}

static bool extension_add(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool is_added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

static bool certificate_fill(X509 *certificate, EVP_PKEY *key)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 && serial_set(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), LIFE_S) != NULL &&
           name_set(certificate) && X509_set_pubkey(certificate, key) == 1 &&
           extension_add(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           extension_add(certificate, NID_ext_key_usage, "serverAuth") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

bool tls_certificate_make(EVP_PKEY **key, X509 **certificate)
{
    *key = EVP_EC_gen("P-256");
    *certificate = X509_new();
    if (*key != NULL && *certificate != NULL && certificate_fill(*certificate, *key)) {
        return true;
    }
    EVP_PKEY_free(*key);
    X509_free(*certificate);
    *key = NULL;
    *certificate = NULL;
    return false;
}
