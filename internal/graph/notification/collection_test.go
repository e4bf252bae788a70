package notification

import (
	"errors"
	"strings"
	"testing"
)

func TestDecodeRefusesBodies(t *testing.T) {
	for name, text := range map[string]string{
		"empty":             ``,
		"not json":          `hello`,
		"null":              `null`,
		"array":             `[]`,
		"no value":          `{}`,
		"value null":        `{"value":null}`,
		"value object":      `{"value":{}}`,
		"tokens a string":   `{"value":[],"validationTokens":"x"}`,
		"token a number":    `{"value":[],"validationTokens":[1]}`,
		"cut":               `{"value":[{"subscriptionId":"x"`,
		"trailing":          `{"value":[]} {}`,
		"trailing comma":    `{"value":[],}`,
		"doubled value":     `{"value":[],"value":[]}`,
		"doubled in item":   `{"value":[{"tenantId":"a","tenantId":"b"}]}`,
		"doubled unknown":   `{"value":[{"x":1,"x":2}]}`,
		"doubled escaped":   `{"value":[{"tenantId":"a","tenant\u0049d":"b"}]}`,
		"invalid UTF-8":     "{\"value\":[{\"clientState\":\"\xff\"}]}",
		"invalid UTF-8 key": "{\"value\":[{\"\xff\":1}]}",
		"lone surrogate":    `{"value":[{"clientState":"\ud800"}]}`,
		"too deep":          `{"value":[` + strings.Repeat(`{"a":`, 20_000) + `1` + strings.Repeat(`}`, 20_000) + `]}`,
		"too many items":    `{"value":[0` + strings.Repeat(`,0`, maxItems) + `]}`,
		"too many tokens":   `{"value":[],"validationTokens":[null` + strings.Repeat(`,null`, maxTokens) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Decode([]byte(text))
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("decoded to %+v, error %v", c, err)
			}
		})
	}
}

func TestDecodeKeepsOneBadItemToItself(t *testing.T) {
	good := `{"subscriptionId":"good","resourceData":{"id":null}}`
	for name, bad := range map[string]string{
		"number":             `1`,
		"null is empty":      `{"subscriptionId":[]}`,
		"array":              `[[],{}]`,
		"string":             `"x"`,
		"number for string":  `{"tenantId":1,"clientState":"x","deep":{"a":[1,{"b":2}]}}`,
		"object for string":  `{"clientState":{"a":[1,2,{"b":"c"}]},"x":1}`,
		"resourceData array": `{"resourceData":[1,2],"x":1}`,
		"nested number":      `{"resourceData":{"id":5,"x":[1]},"x":1}`,
		"bad base64":         `{"encryptedContent":{"data":"***","dataKey":"AA=="},"x":1}`,
		"content a string":   `{"encryptedContent":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Decode([]byte(`{"validationTokens":["t"],"value":[` + good + `,` + bad + `,` + good + `],"x":1}`))
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Items) != 3 || c.Items[0].malformed || !c.Items[1].malformed || c.Items[2].malformed {
				t.Fatalf("items: %+v", c.Items)
			}
			if c.Items[2].SubscriptionID != "good" {
				t.Errorf("the item after it is %+v", c.Items[2])
			}
		})
	}
}

func TestDecodeIsLiberal(t *testing.T) {
	for name, item := range map[string]m{
		"usual":            basic(),
		"leading slash":    basic().with("resource", "/communications/presences/"+user),
		"slash form":       basic().with("resource", "communications/presences/"+user),
		"upper case":       basic().with("resource", "Communications/Presences('"+strings.ToUpper(user)+"')"),
		"id null":          basic().with("resourceData", m{"@odata.type": "#Microsoft.Graph.presence", "id": nil}),
		"no data":          basic().with("resourceData", nil),
		"id from data":     basic().with("resource", nil),
		"id from odata.id": basic().with("resource", "communications/presences").with("resourceData", m{"@odata.id": "users/" + user + "/presence"}),
		"type only":        basic().with("resource", "").with("resourceData", m{"@odata.type": "#MICROSOFT.GRAPH.PRESENCE", "id": strings.ToUpper(user)}),
		"change type":      basic().with("changeType", "Updated"),
		"no change type":   basic().with("changeType", nil),
		"organization":     basic().with("tenantId", nil).with("organizationId", strings.ToUpper(tenant)),
		"unknown members":  basic().with("x", m{"y": []any{1, nil, "z"}}).with("id", nil),
		"time 7 digits":    basic().with("subscriptionExpirationDateTime", "2020-07-11T20:04:40.9743268+00:00"),
		"time no zone":     basic().with("subscriptionExpirationDateTime", "2020-07-11T20:04:40"),
		"time null":        basic().with("subscriptionExpirationDateTime", nil),
		"time number":      basic().with("subscriptionExpirationDateTime", 5),
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, warmOpener(t), body(t, nil, item))
			if len(b.Unread) != 1 || b.Unread[0].UserID != user || b.Unread[0].TenantID != tenant {
				t.Errorf("batch %+v", b)
			}
		})
	}
}

func TestPresenceUser(t *testing.T) {
	for path, want := range map[string]struct {
		id string
		is bool
	}{
		"communications/presences('" + user + "')":    {user, true},
		"communications/presences/" + user:            {user, true},
		"/users/" + user + "/presence":                {user, true},
		"users('" + user + "')/presence":              {user, true},
		"communications/presences":                    {"", true},
		"communications/presences/me":                 {"", true},
		"communications/presencesX/" + user:           {"", false},
		"users/" + user + "/messages":                 {"", false},
		"users":                                       {"", false},
		"":                                            {"", false},
		strings.Repeat("communications/presences", 9): {"", false},
	} {
		if id, is := presenceUser(path); id != want.id || is != want.is {
			t.Errorf("%s: %q %v", path, id, is)
		}
	}
}
