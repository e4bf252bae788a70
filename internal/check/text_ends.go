package check

// endsTexts are of what ends one day.
var endsTexts = map[string]text{
	"ends.client_secret": {
		"the client secret does not end soon",
		"das Clientgeheimnis läuft nicht bald ab",
		"le secret client n'expire pas bientôt",
	},
	"ends.client_secret.tried": {
		"reading the app registration",
		"die App-Registrierung gelesen",
		"lire l'inscription de l'application",
	},
	"ends.client_secret.replace": {
		"make a new secret beside the old one and replace the file; no restart is needed",
		"ein neues Geheimnis neben dem alten anlegen und die Datei ersetzen; ein Neustart ist nicht nötig",
		"créer un nouveau secret à côté de l'ancien et remplacer le fichier ; aucun redémarrage n'est nécessaire",
	},
	"ends.client_certificate": {
		"the certificate of the app does not end soon",
		"das Zertifikat der App läuft nicht bald ab",
		"le certificat de l'application n'expire pas bientôt",
	},
	"ends.client_certificate.tried": {
		"reading the file",
		"die Datei gelesen",
		"lire le fichier",
	},
	"ends.client_certificate.replace": {
		"make a new certificate, upload it beside the old one and replace the file; no restart is needed",
		"ein neues Zertifikat erzeugen, neben dem alten hochladen und die Datei ersetzen; ein Neustart ist nicht nötig",
		"créer un nouveau certificat, le charger à côté de l'ancien et remplacer le fichier ; aucun redémarrage n'est nécessaire",
	},
	"ends.password": {
		"its password does not end soon",
		"sein Kennwort läuft nicht bald ab",
		"son mot de passe n'expire pas bientôt",
	},
	"ends.password.tried": {
		"its last change, its own policy and that of the domain",
		"seine letzte Änderung, seine eigene Richtlinie und die der Domäne",
		"son dernier changement, sa propre stratégie et celle du domaine",
	},
	"ends.password.replace": {
		"let it never expire, or set a new one and replace the file; no restart is needed",
		"es nie ablaufen lassen, oder ein neues setzen und die Datei ersetzen; ein Neustart ist nicht nötig",
		"faire qu'il n'expire jamais, ou en choisir un nouveau et remplacer le fichier ; aucun redémarrage n'est nécessaire",
	},
	"ends.refresh_token": {
		"its sign-in by device code does not end soon",
		"seine Anmeldung per Gerätecode läuft nicht bald ab",
		"sa connexion par code d'appareil n'expire pas bientôt",
	},
	"ends.refresh_token.tried": {
		"when it was used last",
		"wann sie zuletzt benutzt wurde",
		"sa dernière utilisation",
	},
	"ends.refresh_token.replace": {
		"start the service, which uses it, or sign in again: presencebridge login",
		"den Dienst starten, der sie benutzt, oder neu anmelden: presencebridge login",
		"démarrer le service, qui s'en sert, ou se connecter de nouveau : presencebridge login",
	},
	"ends.never": {
		"never",
		"nie",
		"jamais",
	},
	"ends.soon": {
		"it ends on %s, in %d days",
		"läuft am %s ab, in %d Tagen",
		"expire le %s, dans %d jours",
	},
	"ends.over": {
		"it should have ended on %s, although it still works",
		"wäre am %s abgelaufen, gilt aber noch",
		"aurait dû expirer le %s, mais fonctionne encore",
	},
	"ends.unknown": {
		"nobody can tell when it ends",
		"niemand kann das Ablaufdatum sagen",
		"personne ne peut dire la date d'expiration",
	},
}
