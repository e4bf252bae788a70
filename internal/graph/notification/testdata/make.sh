#!/usr/bin/env bash
# Makes the test vectors of this directory with openssl and coreutils only, so
# that no line of the code under test takes part in them. The keys protect
# nothing: they are made here, for tests, and published with them.
#
#   ./make.sh            everything but existing keys
#
# Results
#   *-key-test-only.b64  RSA keys, base64 of PKCS#1 DER
#   contents.tsv         name, dataKey, dataSignature, data (base64)
#   tokens.tsv           name, token; issued 2026-11-23T17:00:00Z, valid for 24 h
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tenant=84bd8158-6d4d-4958-8b9f-9d6445542f95
client=24d3b144-21ae-4080-943f-7067b395b913
publisher=0bf30f3b-4a52-48df-9a82-234910c4a086
user=b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1

key() { # file bits
  [ -e "$1-key-test-only.b64" ] || openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$2" -outform DER 2>/dev/null | base64 -w 76 >"$1-key-test-only.b64"
  base64 -d "$1-key-test-only.b64" >"$work/$1.der"
  openssl pkey -inform DER -in "$work/$1.der" -pubout -out "$work/$1.pub"
}
key encryption 2048
key encryption4096 4096
key signing 2048
key other 2048

b64() { base64 -w 0; }
hex2bin() { printf '%b' "$(sed 's/../\\x&/g')"; }

# --- contents: Graph, "change notifications that include resource data"

sym=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
iv=${sym:0:32}
mac() { openssl dgst -sha256 -mac HMAC -macopt "hexkey:$1" -binary; }
wrap() { # public digest < key
  openssl pkeyutl -encrypt -pubin -inkey "$work/$1.pub" -pkeyopt rsa_padding_mode:oaep -pkeyopt "rsa_oaep_md:$2" -pkeyopt "rsa_mgf1_md:$2"
}
aes() { openssl enc -aes-256-cbc -K "$sym" -iv "$iv" "$@"; }
row() { # name key-hex public digest < ciphertext ; MAC over the ciphertext, or of $signature if set
  cat >"$work/data"
  printf '%s\t%s\t%s\t%s\n' "$1" \
    "$(printf %s "$2" | hex2bin | wrap "$3" "$4" | b64)" \
    "${signature-$(mac "$2" <"$work/data" | b64)}" \
    "$(b64 <"$work/data")"
}

printf '{"@odata.id":"users/%s/presence","@odata.type":"#microsoft.graph.presence","id":"%s","availability":"Busy","activity":"InAMeeting"}' \
  "$user" "$user" >"$work/plain"
pad() { # plain text up to a whole block, then the given bytes as hex
  cat "$1"; printf %s "$2" | hex2bin
}
printf '%0.s ' $(seq 1 32) >"$work/blocks" # two blocks of spaces

{
  aes <"$work/plain" | row good "$sym" encryption sha1
  aes <"$work/plain" | row good_4096 "$sym" encryption4096 sha1
  aes <"$work/plain" | signature=$(printf 'another message' | mac "$sym" | b64) row wrong_signature "$sym" encryption sha1
  aes <"$work/plain" | signature=$(aes <"$work/plain" | mac "$sym" | head -c 31 | b64) row short_signature "$sym" encryption sha1
  aes <"$work/plain" | b64 >"$work/text"
  aes <"$work/plain" | signature=$(mac "$sym" <"$work/text" | b64) row signed_base64 "$sym" encryption sha1
  pad "$work/blocks" 01010101010101010101010101010100 | aes -nopad | row padding_zero "$sym" encryption sha1
  pad "$work/blocks" 11111111111111111111111111111111 | aes -nopad | row padding_seventeen "$sym" encryption sha1
  pad "$work/blocks" 20202020202020202020202003040404 | aes -nopad | row padding_uneven "$sym" encryption sha1
  aes <"$work/plain" | head -c -5 | row truncated "$sym" encryption sha1
  printf '' | row empty "$sym" encryption sha1
  aes <"$work/plain" | row key_of_16_bytes "${sym:0:32}" encryption sha1
  aes <"$work/plain" | row key_of_33_bytes "${sym}20" encryption sha1
  aes <"$work/plain" | row oaep_sha256 "$sym" encryption sha256
  aes <"$work/plain" | row other_key "$sym" other sha1
  printf '{"id":"%s","availability":"Busy"}' "$user" | aes | row no_activity "$sym" encryption sha1
  printf 'not json' | aes | row not_json "$sym" encryption sha1
  printf '{"id":"00000000-0000-4000-8000-000000000001","availability":"Busy","activity":"Busy"}' | aes | row somebody_else "$sym" encryption sha1
} >contents.tsv

# --- tokens

url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }
iat=$(date -u -d 2026-11-23T17:00:00Z +%s)
exp=$((iat + 86400))
claims2() { # [aud [azp [iss [exp [tid]]]]]
  local tid=${5:-$tenant}
  printf '{"aud":"%s","iss":"%s","iat":%d,"nbf":%d,"exp":%d,"azp":"%s","azpacr":"2","oid":"o","sub":"s","tid":"%s","uti":"u","ver":"2.0"}' \
    "${1:-$client}" "${3:-https://login.microsoftonline.com/$tid/v2.0}" "$iat" "$iat" "${4:-$exp}" "${2:-$publisher}" "$tid"
}
claims1() { # [appid]
  printf '{"aud":"%s","iss":"https://sts.windows.net/%s/","iat":%d,"nbf":%d,"exp":%d,"appid":"%s","appidacr":"2","oid":"o","sub":"s","tid":"%s","uti":"u","ver":"1.0"}' \
    "$client" "$tenant" "$iat" "$iat" "$exp" "${1:-$publisher}" "$tenant"
}
rs256() { # name header-json key < claims
  local signed
  signed=$(printf %s "$2" | url).$(url)
  printf '%s\t%s.%s\n' "$1" "$signed" "$(printf %s "$signed" | openssl dgst -sha256 -sign "$work/$3.der" -keyform DER -binary | url)"
}
hs256() { # name < claims ; the public key's PEM text is the secret
  local signed
  signed=$(printf '{"typ":"JWT","alg":"HS256","kid":"test-1"}' | url).$(url)
  printf '%s\t%s.%s\n' "$1" "$signed" "$(printf %s "$signed" | mac "$(od -An -v -tx1 "$work/signing.pub" | tr -d ' \n')" | url)"
}
head='{"typ":"JWT","alg":"RS256","kid":"test-1"}'
{
  claims2 | rs256 v2 "$head" signing
  claims1 | rs256 v1 "$head" signing
  claims2 00000000-0000-4000-8000-000000000002 | rs256 wrong_aud "$head" signing
  claims2 "api://$client" | rs256 api_aud "$head" signing
  claims2 '' 00000000-0000-4000-8000-000000000003 | rs256 wrong_azp "$head" signing
  claims1 00000000-0000-4000-8000-000000000003 | rs256 wrong_appid "$head" signing
  claims2 '' '' "https://sts.windows.net/$tenant/" | rs256 v1_issuer_in_v2 "$head" signing
  claims2 '' '' '' $((iat - 86400)) | rs256 expired "$head" signing
  claims2 '' '' '' '' 00000000-0000-4000-8000-000000000004 | rs256 other_tenant "$head" signing
  claims2 | rs256 unknown_kid '{"typ":"JWT","alg":"RS256","kid":"test-2"}' signing
  claims2 | rs256 no_kid '{"typ":"JWT","alg":"RS256"}' signing
  claims2 | rs256 critical '{"typ":"JWT","alg":"RS256","kid":"test-1","crit":["x"],"x":1}' signing
  claims2 | rs256 wrong_key "$head" other
  printf 'alg_none\t%s.%s.\n' "$(printf '{"typ":"JWT","alg":"none"}' | url)" "$(claims2 | url)"
  claims2 | hs256 hs256_public_key
  claims2 | rs256 ps256 '{"typ":"JWT","alg":"PS256","kid":"test-1"}' signing
  claims2 | sed 's/"2.0"/"3.0"/' | rs256 version_3 "$head" signing
} >tokens.tsv
