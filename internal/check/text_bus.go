package check

// busTexts are of NATS.
var busTexts = map[string]text{
	"group.nats": {
		"NATS",
		"NATS",
		"NATS",
	},
	"group.forward": {
		"Central NATS server (nats.forward)",
		"Zentraler NATS-Server (nats.forward)",
		"Serveur NATS central (nats.forward)",
	},
	"nats.central-differs": {
		"settings there differ, and the bridge never changes them: %s",
		"Einstellungen dort weichen ab, und die Bridge ändert sie nie: %s",
		"des réglages y diffèrent, et le service ne les change jamais : %s",
	},
	"nats.central-differs.do": {
		"nothing, if whoever runs that server wants it so; people can only be forgotten with allow_rollup_hdrs",
		"nichts, wenn der Betreiber dieses Servers es so will; Personen lassen sich nur mit allow_rollup_hdrs vergessen",
		"rien, si l'exploitant de ce serveur le veut ainsi ; les personnes ne peuvent être oubliées qu'avec allow_rollup_hdrs",
	},
	"nats.embedded": {
		"the embedded server can listen at %s",
		"der eingebaute Server kann an %s lauschen",
		"le serveur intégré peut écouter à %s",
	},
	"nats.taken": {
		"the embedded server cannot listen at %s",
		"der eingebaute Server kann an %s nicht lauschen",
		"le serveur intégré ne peut pas écouter à %s",
	},
	"nats.taken.do": {
		"stop what uses that address, or change nats.embedded.listen",
		"anhalten, was diese Adresse benutzt, oder nats.embedded.listen ändern",
		"arrêter ce qui utilise cette adresse, ou changer nats.embedded.listen",
	},
	"nats.exposed": {
		"the embedded server knows no users: whoever reaches %s reads and writes everything",
		"der eingebaute Server kennt keine Benutzer: wer %s erreicht, liest und schreibt alles",
		"le serveur intégré ne connaît pas d'utilisateurs : qui atteint %s lit et écrit tout",
	},
	"nats.exposed.do": {
		"listen on 127.0.0.1, or name a server with users in nats.url",
		"an 127.0.0.1 lauschen oder in nats.url einen Server mit Benutzern nennen",
		"écouter à 127.0.0.1, ou indiquer dans nats.url un serveur avec des utilisateurs",
	},
	"nats.connect": {
		"a connection to %s works",
		"eine Verbindung zu %s kommt zustande",
		"une connexion à %s fonctionne",
	},
	"nats.connect.tried": {
		"connecting to %s as the service does",
		"eine Verbindung zu %s, wie der Dienst sie macht",
		"se connecter à %s comme le service",
	},
	"nats.connect-failed": {
		"the server cannot be reached",
		"der Server ist nicht zu erreichen",
		"le serveur est injoignable",
	},
	"nats.connect-failed.do": {
		"check nats.url, the firewall and whether the server runs",
		"nats.url, die Firewall und ob der Server läuft prüfen",
		"vérifier nats.url, le pare-feu, et que le serveur tourne",
	},
	"nats.credentials": {
		"the server does not accept the credentials",
		"der Server nimmt die Zugangsdaten nicht an",
		"le serveur n'accepte pas les identifiants",
	},
	"nats.credentials.do": {
		"correct nats.credentials_file, or nats.tls.cert_file if the server knows clients by certificate",
		"nats.credentials_file berichtigen, oder nats.tls.cert_file, wenn der Server Clients am Zertifikat erkennt",
		"corriger nats.credentials_file, ou nats.tls.cert_file si le serveur reconnaît les clients à leur certificat",
	},
	"nats.tls": {
		"the TLS connection to the server fails",
		"die TLS-Verbindung zum Server scheitert",
		"la connexion TLS au serveur échoue",
	},
	"nats.tls.do": {
		"name the server's root in nats.tls.ca_file, and use the name that its certificate is for",
		"das Stammzertifikat des Servers in nats.tls.ca_file angeben und den Namen verwenden, für den sein Zertifikat gilt",
		"indiquer la racine du serveur dans nats.tls.ca_file, et utiliser le nom de son certificat",
	},
	"nats.version": {
		"the server is new enough",
		"der Server ist neu genug",
		"le serveur est assez récent",
	},
	"nats.version-old": {
		"the server is %s; 2.11 is the oldest that will do",
		"der Server ist %s; mindestens 2.11 ist nötig",
		"le serveur est en version %s ; il faut au moins la 2.11",
	},
	"nats.version-old.do": {
		"update the NATS server",
		"den NATS-Server aktualisieren",
		"mettre à jour le serveur NATS",
	},
	"nats.version-unknown": {
		"the server calls its version %q",
		"der Server nennt seine Version %q",
		"le serveur nomme sa version %q",
	},
	"nats.jetstream": {
		"JetStream stores on disk for this account",
		"JetStream speichert für dieses Konto auf Platte",
		"JetStream stocke sur disque pour ce compte",
	},
	"nats.no-jetstream": {
		"JetStream is not there for this account",
		"JetStream gibt es für dieses Konto nicht",
		"JetStream n'est pas là pour ce compte",
	},
	"nats.no-jetstream.do": {
		"enable JetStream on the server and for the account, or wait for the cluster to elect a leader",
		"JetStream auf dem Server und für das Konto einschalten, oder warten, bis der Cluster einen Leiter gewählt hat",
		"activer JetStream sur le serveur et pour le compte, ou attendre que la grappe élise un chef",
	},
	"nats.no-storage": {
		"the account may store nothing on disk",
		"das Konto darf nichts auf Platte speichern",
		"le compte ne peut rien stocker sur disque",
	},
	"nats.no-storage.do": {
		"give the account file storage (disk_storage)",
		"dem Konto Dateispeicher geben (disk_storage)",
		"donner au compte du stockage sur fichier (disk_storage)",
	},
	"nats.rights": {
		"this user may publish, manage streams and answer requests",
		"dieser Benutzer darf veröffentlichen, Streams verwalten und Anfragen beantworten",
		"cet utilisateur peut publier, gérer les flux et répondre aux requêtes",
	},
	"nats.rights.tried": {
		"requests that the server refuses without storing or changing anything",
		"Anfragen, die der Server ablehnt, ohne etwas zu speichern oder zu ändern",
		"des requêtes que le serveur refuse sans rien stocker ni changer",
	},
	"nats.denied": {
		"this user may not publish to %s, or not subscribe to _INBOX.>",
		"dieser Benutzer darf nicht auf %s veröffentlichen oder _INBOX.> nicht abonnieren",
		"cet utilisateur ne peut pas publier sur %s, ou pas s'abonner à _INBOX.>",
	},
	"nats.denied.do": {
		"allow it to publish presence.v1.>, $JS.API.> and $JS.ACK.>, to subscribe to presence.v1.api.>, $SRV.> and _INBOX.>, and allow_responses",
		"ihm erlauben, presence.v1.>, $JS.API.> und $JS.ACK.> zu veröffentlichen, presence.v1.api.>, $SRV.> und _INBOX.> zu abonnieren, und allow_responses",
		"lui permettre de publier sur presence.v1.>, $JS.API.> et $JS.ACK.>, de s'abonner à presence.v1.api.>, $SRV.> et _INBOX.>, et allow_responses",
	},
	"nats.not-subscribed": {
		"this user may not subscribe to %s",
		"dieser Benutzer darf %s nicht abonnieren",
		"cet utilisateur ne peut pas s'abonner à %s",
	},
	"nats.not-subscribed.do": {
		"allow it to publish presence.v1.>, $JS.API.> and $JS.ACK.>, to subscribe to presence.v1.api.>, $SRV.> and _INBOX.>, and allow_responses",
		"ihm erlauben, presence.v1.>, $JS.API.> und $JS.ACK.> zu veröffentlichen, presence.v1.api.>, $SRV.> und _INBOX.> zu abonnieren, und allow_responses",
		"lui permettre de publier sur presence.v1.>, $JS.API.> et $JS.ACK.>, de s'abonner à presence.v1.api.>, $SRV.> et _INBOX.>, et allow_responses",
	},
	"nats.no-answers": {
		"this user may not answer requests",
		"dieser Benutzer darf Anfragen nicht beantworten",
		"cet utilisateur ne peut pas répondre aux requêtes",
	},
	"nats.no-answers.do": {
		"give it allow_responses",
		"ihm allow_responses geben",
		"lui donner allow_responses",
	},
	"nats.streams": {
		"the streams are as they shall be; sync_interval, which no client sees, is yours to check",
		"die Streams sind, wie sie sein sollen; sync_interval sieht kein Client, das ist selbst zu prüfen",
		"les flux sont comme il faut ; sync_interval, qu'aucun client ne voit, reste à vérifier par vous",
	},
	"nats.streams.tried": {
		"comparing the settings of the streams PRESENCE and KV_presence",
		"Vergleich der Einstellungen der Streams PRESENCE und KV_presence",
		"comparer les réglages des flux PRESENCE et KV_presence",
	},
	"nats.to-be-made": {
		"%s will be made at the first start",
		"%s wird beim ersten Start angelegt",
		"%s sera créé au premier démarrage",
	},
	"nats.streams-unread": {
		"the streams cannot be read",
		"die Streams sind nicht zu lesen",
		"les flux ne peuvent pas être lus",
	},
	"nats.streams-unread.do": {
		"allow this user $JS.API.>, then try again",
		"diesem Benutzer $JS.API.> erlauben, dann erneut versuchen",
		"permettre $JS.API.> à cet utilisateur, puis recommencer",
	},
	"nats.overlap": {
		"other streams take in our subjects: %s",
		"andere Streams nehmen unsere Subjects auf: %s",
		"d'autres flux prennent nos sujets : %s",
	},
	"nats.overlap.do": {
		"take presence.v1.> out of their subjects",
		"presence.v1.> aus deren Subjects nehmen",
		"retirer presence.v1.> de leurs sujets",
	},
	"nats.fixed": {
		"settings are wrong that cannot be changed: %s",
		"Einstellungen sind falsch, die sich nicht ändern lassen: %s",
		"des réglages sont faux et ne peuvent pas être changés : %s",
	},
	"nats.fixed.do": {
		"delete the stream; the service makes it anew at its start, and the next sweep fills it",
		"den Stream löschen; der Dienst legt ihn beim Start neu an, und der nächste Durchgang füllt ihn",
		"supprimer le flux ; le service le recrée à son démarrage, et la lecture suivante le remplit",
	},
	"nats.changed": {
		"settings differ: %s",
		"Einstellungen weichen ab: %s",
		"des réglages diffèrent : %s",
	},
	"nats.changed.do": {
		"nothing, if that is what you want: the service sets them at its next start",
		"nichts, wenn es so gewollt ist: der Dienst stellt sie beim nächsten Start ein",
		"rien, si c'est voulu : le service les règle à son prochain démarrage",
	},
}
