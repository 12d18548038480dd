#!/bin/sh
# Makes the certificates of these tests as MySQL 5.6's manual does ("Creating SSL Certificates and Keys Using openssl"):
# x509 -req without extensions, so X.509 version 1 and no alternative names. The weak ones show what must be refused.
# Run once; the files are committed, and the tests run at a fixed time within their period.
set -eu
cd "$(dirname "$0")"
days=36500

openssl genrsa -out ca-key.pem 2048
openssl req -new -x509 -nodes -days $days -key ca-key.pem -out ca.pem -subj '/C=FI/O=Sealwire/CN=Test CA'

issue() { # file, subject, serial
    openssl req -newkey rsa:2048 -nodes -keyout "$1-key.pem" -out request.pem -subj "$2"
    openssl x509 -req -in request.pem -days $days -CA ca.pem -CAkey ca-key.pem -set_serial "$3" -out "$1-cert.pem"
}
issue server '/C=FI/O=Sealwire/CN=db.example.com' 01
issue client '/C=FI/O=Sealwire/CN=client' 02

# Keys in every form that users have.
openssl rsa -in server-key.pem -traditional -out server-key-pkcs1.pem
openssl pkcs8 -topk8 -v2 aes-256-cbc -in client-key.pem -passout pass:opensesame -out client-key-encrypted.pem
openssl rsa -in client-key.pem -traditional -aes128 -passout pass:opensesame -out client-key-traditional.pem
openssl ecparam -name prime256v1 -genkey -noout -out ec-key-sec1.pem
openssl req -new -x509 -days $days -key ec-key-sec1.pem -out ec-cert.pem -subj '/CN=db.example.com'

# OpenSSL 1.0's way to derive the key, and keys that are of no use.
openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -in client-key.pem -passout pass:opensesame -out client-key-hmac-sha1.pem
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa1024-key.pem
openssl genpkey -algorithm ED448 -out ed448-key.pem
openssl ecparam -name secp256k1 -genkey -noout -out secp256k1-key.pem
openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out explicit-key.pem

# A CA of version 1, and one whose key is too small.
openssl req -newkey rsa:2048 -nodes -keyout v1-ca-key.pem -out request.pem -subj '/CN=Version 1 CA'
openssl x509 -req -in request.pem -days $days -signkey v1-ca-key.pem -out v1-ca.pem
openssl x509 -req -in request.pem -days $days -CA ca.pem -CAkey ca-key.pem -set_serial 09 -out v1-intermediate.pem
openssl req -new -key server-key.pem -out request.pem -subj '/CN=db.example.com'
openssl x509 -req -in request.pem -days $days -CA ca.pem -CAkey ca-key.pem -set_serial 03 -sha1 -out sha1-cert.pem
openssl x509 -req -in request.pem -days $days -CA v1-ca.pem -CAkey v1-ca-key.pem -set_serial 04 -out under-v1-cert.pem
openssl req -new -x509 -newkey rsa:1024 -nodes -days $days -keyout weak-ca-key.pem -out weak-ca.pem -subj '/CN=Weak CA'
openssl x509 -req -in request.pem -days $days -CA weak-ca.pem -CAkey weak-ca-key.pem -set_serial 05 -out under-weak-cert.pem

# A revocation list of version 1 that names the client's certificate (serial 02), current for ten years.
: > index.txt
printf '[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=3650\n' > ca.cnf
openssl ca -config ca.cnf -revoke client-cert.pem -cert ca.pem -keyfile ca-key.pem
openssl ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca-key.pem -out revokes-client.crl

rm -f request.pem index.txt* ca.cnf ca-key.pem v1-ca-key.pem weak-ca-key.pem
