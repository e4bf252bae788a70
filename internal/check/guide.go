package check

// headings are those of the set-up guide that steps lead to, by anchor.
var headings = map[string]text{
	"app-registration":    {"App registration", "App-Registrierung", "Inscription de l'application"},
	"service-users":       {"Service users", "Dienstbenutzer", "Utilisateurs de service"},
	"permissions":         {"Permissions", "Berechtigungen", "Autorisations"},
	"admin-consent":       {"Admin consent", "Administratorzustimmung", "Consentement de l'administrateur"},
	"client-secret":       {"Client secret", "Clientgeheimnis", "Secret client"},
	"certificate":         {"Certificate instead of a secret", "Zertifikat statt Geheimnis", "Un certificat au lieu d'un secret"},
	"assignment-required": {"Assignment required: no", "Zuweisung erforderlich: Nein", "Affectation obligatoire : non"},
	"conditional-access":  {"Conditional Access and multi-factor authentication", "Bedingter Zugriff und mehrstufige Authentifizierung", "Accès conditionnel et authentification multifacteur"},
	"licences":            {"Licences", "Lizenzen", "Licences"},
	"people":              {"Who is watched", "Wer beobachtet wird", "Qui est suivi"},
	"public-endpoint":     {"Public address", "Öffentliche Adresse", "Adresse publique"},
	"firewall":            {"Firewall", "Firewall", "Pare-feu"},
	"machine":             {"The machine: files, clock, NATS", "Der Rechner: Dateien, Uhr, NATS", "La machine : fichiers, horloge, NATS"},
	"facts":               {"The table of facts", "Die Tabelle der Angaben", "Le tableau des informations"},
	"afterwards":          {"What ends one day", "Was eines Tages abläuft", "Ce qui expire un jour"},
}

// guide is a heading of the guide in our language.
func (s speaker) guide(anchor string) Guide {
	h, ok := headings[anchor]
	if !ok {
		panic("the guide has no " + anchor)
	}
	return Guide{Heading: h.in(s.language), Link: "docs/setup." + string(s.language) + ".md#" + anchor}
}
