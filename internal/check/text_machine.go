package check

// machineTexts are of the machine and the way to Microsoft.
var machineTexts = map[string]text{
	"group.files": {
		"Files",
		"Dateien",
		"Fichiers",
	},
	"group.network": {
		"Microsoft and the clock",
		"Microsoft und die Uhr",
		"Microsoft et l'horloge",
	},
	"files.config": {
		"the configuration %s is complete",
		"die Konfiguration %s ist vollständig",
		"la configuration %s est complète",
	},
	"files.secrets": {
		"only the service can read its secrets",
		"nur der Dienst kann seine Geheimnisse lesen",
		"seul le service peut lire ses secrets",
	},
	"files.secrets.tried": {
		"the rights of every file with a secret",
		"die Rechte jeder Datei mit einem Geheimnis",
		"les droits de chaque fichier contenant un secret",
	},
	"files.writable": {
		"others can replace these secrets: %s",
		"andere können diese Geheimnisse austauschen: %s",
		"d'autres peuvent remplacer ces secrets : %s",
	},
	"files.writable.do": {
		"chmod 600, and give the files to the user of the service",
		"chmod 600, und die Dateien dem Benutzer des Dienstes geben",
		"chmod 600, et donner les fichiers à l'utilisateur du service",
	},
	"files.readable": {
		"everybody on this machine can read these secrets: %s",
		"jeder auf diesem Rechner kann diese Geheimnisse lesen: %s",
		"tout le monde sur cette machine peut lire ces secrets : %s",
	},
	"files.readable.do": {
		"chmod 600, and give the files to the user of the service",
		"chmod 600, und die Dateien dem Benutzer des Dienstes geben",
		"chmod 600, et donner les fichiers à l'utilisateur du service",
	},
	"files.data": {
		"data can be kept in %s",
		"Daten können in %s abgelegt werden",
		"les données peuvent être gardées dans %s",
	},
	"files.data.tried": {
		"making a file there and deleting it",
		"dort eine Datei anlegen und löschen",
		"y créer un fichier et le supprimer",
	},
	"files.no-directory": {
		"%s is a file, not a directory",
		"%s ist eine Datei, kein Verzeichnis",
		"%s est un fichier, pas un répertoire",
	},
	"files.no-directory.do": {
		"name another data_dir",
		"ein anderes data_dir angeben",
		"indiquer un autre data_dir",
	},
	"files.not-writable": {
		"this user may not write in %s",
		"dieser Benutzer darf in %s nicht schreiben",
		"cet utilisateur ne peut pas écrire dans %s",
	},
	"files.not-writable.do": {
		"give the directory to the user of the service, and run the check as that user",
		"das Verzeichnis dem Benutzer des Dienstes geben und die Prüfung als dieser Benutzer ausführen",
		"donner le répertoire à l'utilisateur du service, et lancer la vérification en tant que cet utilisateur",
	},
	"network.authority": {
		"Entra ID answers at %s",
		"Entra ID antwortet unter %s",
		"Entra ID répond à %s",
	},
	"network.authority.tried": {
		"GET %s without credentials",
		"GET %s ohne Anmeldung",
		"GET %s sans identification",
	},
	"network.graph": {
		"Microsoft Graph answers at %s",
		"Microsoft Graph antwortet unter %s",
		"Microsoft Graph répond à %s",
	},
	"network.graph.tried": {
		"GET %s without credentials",
		"GET %s ohne Anmeldung",
		"GET %s sans identification",
	},
	"network.dns": {
		"the name %s cannot be resolved",
		"der Name %s lässt sich nicht auflösen",
		"le nom %s ne peut pas être résolu",
	},
	"network.dns.do": {
		"check the name servers of this machine, and the name in the configuration",
		"die Nameserver dieses Rechners und den Namen in der Konfiguration prüfen",
		"vérifier les serveurs de noms de cette machine, et le nom dans la configuration",
	},
	"network.tls": {
		"the certificate that %s shows is not trusted here; often a proxy looks into the connection",
		"dem Zertifikat, das %s zeigt, wird hier nicht vertraut; oft sieht ein Proxy in die Verbindung",
		"le certificat que présente %s n'est pas reconnu ici ; souvent, un proxy inspecte la connexion",
	},
	"network.tls.do": {
		"exempt this host from inspection, or add the proxy's root to the trusted ones of this machine",
		"diesen Host von der Prüfung ausnehmen oder das Stammzertifikat des Proxys auf diesem Rechner hinterlegen",
		"exempter cet hôte de l'inspection, ou ajouter la racine du proxy à celles de cette machine",
	},
	"network.closed": {
		"%s cannot be reached from this machine",
		"%s ist von diesem Rechner aus nicht zu erreichen",
		"%s est injoignable depuis cette machine",
	},
	"network.closed.do": {
		"open TCP 443 outwards in the firewall, or set HTTPS_PROXY",
		"TCP 443 nach außen in der Firewall öffnen oder HTTPS_PROXY setzen",
		"ouvrir TCP 443 vers l'extérieur dans le pare-feu, ou définir HTTPS_PROXY",
	},
	"network.clock": {
		"the clock agrees with Microsoft's",
		"die Uhr stimmt mit der von Microsoft überein",
		"l'horloge s'accorde avec celle de Microsoft",
	},
	"network.clock.tried": {
		"comparing it with the header Date of their answers",
		"Vergleich mit dem Kopf Date der Antworten",
		"la comparer à l'en-tête Date de leurs réponses",
	},
	"network.no-date": {
		"nobody told the time",
		"niemand hat die Zeit genannt",
		"personne n'a donné l'heure",
	},
	"network.clock-wrong": {
		"the clock of this machine is off by %s; from five minutes on tokens are refused",
		"die Uhr dieses Rechners weicht um %s ab; ab fünf Minuten werden Token abgelehnt",
		"l'horloge de cette machine est décalée de %s ; à partir de cinq minutes, les jetons sont refusés",
	},
	"network.clock-wrong.do": {
		"synchronise it by NTP",
		"per NTP stellen lassen",
		"la synchroniser par NTP",
	},
}
