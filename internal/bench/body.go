package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// sample is what a genuine notification of the simulated tenant tells us.
type sample struct {
	Value []struct {
		SubscriptionID string `json:"subscriptionId"`
		TenantID       string `json:"tenantId"`
		ClientState    string `json:"clientState"`
		Expires        string `json:"subscriptionExpirationDateTime"`
		Encrypted      struct {
			CertID     string `json:"encryptionCertificateId"`
			Thumbprint string `json:"encryptionCertificateThumbprint"`
		} `json:"encryptedContent"`
	} `json:"value"`
	Tokens json.RawMessage `json:"validationTokens"`
}

// maker makes notifications like the sample's, as many as one likes. No two
// are the same, and each tells a state that its person was not in before.
type maker struct {
	head, certificate string
	tokens            json.RawMessage
	envelopes         []envelope
	number            atomic.Int64
}

// envelope is a symmetric key. Sealing one costs more than everything else, so a
// few are used in turn; the receiver cannot know.
type envelope struct {
	key    []byte
	block  cipher.Block
	sealed string
}

func newMaker(genuine []byte, public *rsa.PublicKey) (*maker, error) {
	var s sample
	if err := json.Unmarshal(genuine, &s); err != nil || len(s.Value) != 1 {
		return nil, fmt.Errorf("read a genuine notification of %d items: %w", len(s.Value), err)
	}
	v := s.Value[0]
	m := &maker{
		head: fmt.Sprintf(`{"subscriptionId":%q,"subscriptionExpirationDateTime":%q,"tenantId":%q,"clientState":%q,"changeType":"updated",`,
			v.SubscriptionID, v.Expires, v.TenantID, v.ClientState),
		certificate: fmt.Sprintf(`"encryptionCertificateId":%q,"encryptionCertificateThumbprint":%q}`, v.Encrypted.CertID, v.Encrypted.Thumbprint),
		tokens:      s.Tokens,
	}
	for range 64 {
		e := envelope{key: make([]byte, 32)}
		_, _ = rand.Read(e.key) // never fails, see crypto/rand
		sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, e.key, nil)
		if err != nil {
			return nil, err
		}
		if e.block, err = aes.NewCipher(e.key); err != nil {
			return nil, err
		}
		e.sealed = base64.StdEncoding.EncodeToString(sealed)
		m.envelopes = append(m.envelopes, e)
	}
	return m, nil
}

// body tells one change of each person; numbers are those of the changes.
func (m *maker) body(into []byte, people []person, rich bool, sent func(number int64)) []byte {
	into = append(into, `{"value":[`...)
	for i := range people {
		if i > 0 {
			into = append(into, ',')
		}
		number := m.number.Add(1)
		into = m.item(into, &people[i], number, rich)
		sent(number)
	}
	into = append(into, ']')
	if rich {
		into = append(into, `,"validationTokens":`...)
		into = append(into, m.tokens...)
	}
	return append(into, '}')
}

func (m *maker) item(into []byte, p *person, number int64, rich bool) []byte {
	p.busy = !p.busy
	state := `"availability":"Available","activity":"Available"`
	if p.busy {
		state = `"availability":"Busy","activity":"InACall"`
	}
	into = append(into, m.head...)
	into = fmt.Appendf(into, `"resource":"communications/presences('%s')","resourceData":{"@odata.type":"#Microsoft.Graph.presence","@odata.id":"communications/presences('%s')","id":"%s"`, p.id, p.id, p.id)
	if !rich {
		return fmt.Appendf(into, `,"sequenceNumber":"%s",%s}}`, sequence(number), state)
	}
	plain := fmt.Appendf(nil, `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#communications/presences/$entity","id":"%s",%s,"outOfOfficeSettings":{"message":null,"isOutOfOffice":false},"statusMessage":null,"sequenceNumber":"%s"}`,
		p.id, state, sequence(number))
	e := &m.envelopes[number%int64(len(m.envelopes))]
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(e.block, e.key[:aes.BlockSize]).CryptBlocks(plain, plain)
	mac := hmac.New(sha256.New, e.key)
	mac.Write(plain)
	into = append(into, `},"encryptedContent":{"data":"`...)
	into = base64.StdEncoding.AppendEncode(into, plain)
	into = append(into, `","dataSignature":"`...)
	into = base64.StdEncoding.AppendEncode(into, mac.Sum(nil))
	into = append(into, `","dataKey":"`...)
	into = append(into, e.sealed...)
	into = append(into, `",`...)
	into = append(into, m.certificate...)
	return append(into, '}')
}

// sequence numbers sort after those that the simulator gives.
func sequence(number int64) string { return fmt.Sprintf("B%010d", number) }

// person and the state that was last told of them.
type person struct {
	id   string
	busy bool
}
