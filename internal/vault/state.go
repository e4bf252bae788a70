package vault

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// stateVersion is the format that this version writes and reads.
const stateVersion = 1

// state is what the vault knows. Once published it is never changed.
type state struct {
	clientState []byte
	keys        []EncryptionKey // the current one first
}

func (s *state) find(id string) (EncryptionKey, bool) {
	for _, k := range s.keys { // a handful: a map would not be faster
		if k.ID == id {
			return k, true
		}
	}
	return EncryptionKey{}, false
}

// document is the state as it is sealed: JSON inside age.
type document struct {
	Version     int           `json:"version"`
	ClientState []byte        `json:"clientStateSecret"`
	Keys        []documentKey `json:"encryptionKeys"`
}

type documentKey struct {
	ID          string    `json:"id"`
	Private     []byte    `json:"privateKey"` // PKCS #8
	Certificate []byte    `json:"certificate"`
	Created     time.Time `json:"created"`
	Retired     time.Time `json:"retired,omitzero"`
	Seen        time.Time `json:"seen,omitzero"`
}

func (v *Vault) sealState(s *state) ([]byte, error) {
	text, err := s.encode()
	if err != nil {
		return nil, err
	}
	return v.seal.close(text)
}

func (s *state) encode() ([]byte, error) {
	d := document{Version: stateVersion, ClientState: s.clientState}
	for _, k := range s.keys {
		private, err := x509.MarshalPKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, fmt.Errorf("encode key %s: %w", k.ID, err)
		}
		d.Keys = append(d.Keys, documentKey{k.ID, private, k.Certificate, k.Created, k.Retired, k.Seen})
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return text, nil
}

// unseal gives a state of its own, which the caller may change.
func (v *Vault) unseal(sealed []byte) (*state, error) {
	text, err := v.seal.open(sealed)
	if err != nil {
		return nil, err
	}
	return decodeState(text)
}

// decodeState reads what encode wrote. Its errors never hold what they read.
func decodeState(text []byte) (*state, error) {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return nil, errors.New("the sealed state is not ours: it holds no JSON")
	}
	if version.Version != stateVersion {
		return nil, fmt.Errorf("the sealed state has format %d, this version reads %d: use the version that wrote it", version.Version, stateVersion)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil || len(d.ClientState) != 32 || len(d.Keys) == 0 {
		return nil, errors.New("the sealed state is incomplete")
	}
	s := &state{clientState: d.ClientState}
	for _, k := range d.Keys {
		if _, twice := s.find(k.ID); k.ID == "" || twice {
			return nil, errors.New("the sealed state has two keys of one id")
		}
		private, err := parsePair(k.Private, k.Certificate)
		if err != nil {
			return nil, fmt.Errorf("the sealed state has a bad key %.128q: %w", k.ID, err)
		}
		s.keys = append(s.keys, EncryptionKey{k.ID, private, k.Certificate, thumbprint(k.Certificate), k.Created, k.Retired, k.Seen})
	}
	return s, nil
}

func parsePair(pkcs8, der []byte) (*rsa.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(pkcs8)
	private, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("no RSA private key")
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errors.New("no certificate")
	}
	if !private.PublicKey.Equal(certificate.PublicKey) {
		return nil, errors.New("certificate and private key do not fit")
	}
	return private, nil
}
