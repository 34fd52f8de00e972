/**
 * Mbed TLS as a DTLS-SRTP peer: it has no command line, so a small program of ours is compiled against
 * Debian's library. It prints the profile agreed on and the exported keys (RFC 5705, RFC 5764 §4.2).
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Program } from "./dtls-peer.ts";

export const hasMbedtls = Bun.which("cc") !== null && existsSync("/usr/include/mbedtls/ssl.h");

/** Arguments: client or server, port, certificate, key, profile, bytes of a datagram. */
const SOURCE = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/timing.h>
#include <mbedtls/x509_crt.h>
static unsigned char master[48], randoms[64];
static mbedtls_tls_prf_types prf;
static int keep(void *_, const unsigned char *secret, const unsigned char *block, size_t mac,
  size_t key, size_t iv, const unsigned char client[32], const unsigned char server[32],
  mbedtls_tls_prf_types type) {
  memcpy(master, secret, 48);
  memcpy(randoms, client, 32);
  memcpy(randoms + 32, server, 32);
  prf = type;
  return 0;
}
/* It doubles its wait and gives up at a limit: 25 tries, and none waits longer than 1 s. */
static int receive(void *net, unsigned char *data, size_t length, uint32_t timeout) {
  return mbedtls_net_recv_timeout(net, data, length, timeout > 1000 ? 1000 : timeout);
}
static int check(const char *what, int result) {
  char text[200];
  if (result >= 0) return result;
  mbedtls_strerror(result, text, sizeof text);
  printf("FAILED %s: %s\\n", what, text);
  exit(1);
}
int main(int count, char **arguments) {
  int is_server = arguments[1][0] == 's', result;
  mbedtls_net_context listening, net;
  mbedtls_ssl_context ssl;
  mbedtls_ssl_config config;
  mbedtls_x509_crt certificate;
  mbedtls_pk_context key;
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  mbedtls_ssl_cookie_ctx cookie;
  mbedtls_timing_delay_context timer;
  mbedtls_dtls_srtp_info srtp;
  mbedtls_ssl_srtp_profile profiles[] = {strtol(arguments[5], NULL, 0), MBEDTLS_TLS_SRTP_UNSET};
  unsigned char block[60], address[16];
  size_t length;
  setvbuf(stdout, NULL, _IOLBF, 0);
  mbedtls_net_init(&listening);
  mbedtls_net_init(&net);
  mbedtls_ssl_init(&ssl);
  mbedtls_ssl_config_init(&config);
  mbedtls_x509_crt_init(&certificate);
  mbedtls_pk_init(&key);
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&random);
  mbedtls_ssl_cookie_init(&cookie);
  check("seed", mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0));
  check("certificate", mbedtls_x509_crt_parse_file(&certificate, arguments[3]));
  check("key", mbedtls_pk_parse_keyfile(&key, arguments[4], NULL));
  check("defaults", mbedtls_ssl_config_defaults(&config, is_server, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
    MBEDTLS_SSL_PRESET_DEFAULT));
  mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
  mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_OPTIONAL);
  check("own", mbedtls_ssl_conf_own_cert(&config, &certificate, &key));
  check("profiles", mbedtls_ssl_conf_dtls_srtp_protection_profiles(&config, profiles));
  mbedtls_ssl_conf_export_keys_ext_cb(&config, keep, NULL);
  mbedtls_ssl_conf_handshake_timeout(&config, 100, 100u << 25);
  if (is_server) {
    check("cookie", mbedtls_ssl_cookie_setup(&cookie, mbedtls_ctr_drbg_random, &random));
    mbedtls_ssl_conf_dtls_cookies(&config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &cookie);
  }
  check("setup", mbedtls_ssl_setup(&ssl, &config));
  mbedtls_ssl_set_mtu(&ssl, atoi(arguments[6]));
  mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
  mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, receive);
  if (is_server) {
    check("bind", mbedtls_net_bind(&listening, "127.0.0.1", arguments[2], MBEDTLS_NET_PROTO_UDP));
    printf("LISTENING\\n");
    check("accept", mbedtls_net_accept(&listening, &net, address, sizeof address, &length));
  } else {
    check("connect", mbedtls_net_connect(&net, "127.0.0.1", arguments[2], MBEDTLS_NET_PROTO_UDP));
  }
  do {
    if (is_server) check("client", mbedtls_ssl_set_client_transport_id(&ssl, address, length));
    while ((result = mbedtls_ssl_handshake(&ssl)) == MBEDTLS_ERR_SSL_WANT_READ ||
      result == MBEDTLS_ERR_SSL_WANT_WRITE);
    if (result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) mbedtls_ssl_session_reset(&ssl);
  } while (result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED);
  check("handshake", result);
  mbedtls_ssl_get_dtls_srtp_negotiation_result(&ssl, &srtp);
  check("export", mbedtls_ssl_tls_prf(prf, master, sizeof master, "EXTRACTOR-dtls_srtp", randoms,
    sizeof randoms, block, sizeof block));
  printf("PROFILE %04x KEYS ", srtp.chosen_dtls_srtp_profile);
  for (size_t at = 0; at < sizeof block; at++) printf("%02x", block[at]);
  printf("\\n");
  /* Repeats its last flight where the peer repeats its own, until the peer says goodbye. */
  do result = mbedtls_ssl_read(&ssl, block, sizeof block);
  while (result > 0 || result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE);
  printf("DONE\\n");
  return 0;
}
`;

export interface MbedtlsOptions {
  role: "client" | "server";
  port: number;
  certificate: string;
  key: string;
  /** Of the `use_srtp` extension: 1 or 2, it knows no AEAD ones. */
  profile: number;
  /** The largest datagram it sends, bytes. */
  mtu: number;
}

/** Compiles it in that directory; throws with what the compiler said. */
export function buildMbedtls(directory: string): void {
  writeFileSync(join(directory, "mbedtls.c"), SOURCE);
  const libraries = ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"];
  const built = Bun.spawnSync(["cc", "-O1", "-o", "mbedtls", "mbedtls.c", ...libraries], {
    cwd: directory,
  });
  if (built.exitCode !== 0) throw new Error(`no Mbed TLS peer: ${built.stderr}`);
}

/** Runs what was built there; a server is ready once it has printed LISTENING. */
export function runMbedtls(directory: string, options: MbedtlsOptions): Program {
  const { role, port, certificate, key, profile, mtu } = options;
  const more = [port, certificate, key, profile, mtu].map(String);
  return new Program([join(directory, "mbedtls"), role, ...more]);
}

/** What it prints once the handshake is done. */
export const MBEDTLS_KEYS = /PROFILE ([0-9a-f]{4}) KEYS ([0-9a-f]+)\n/g;
