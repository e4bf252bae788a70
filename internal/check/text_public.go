package check

// publicTexts are of the public address.
var publicTexts = map[string]text{
	"group.public": {
		"Public address %s, seen from this machine and not from the internet",
		"Öffentliche Adresse %s, gesehen von diesem Rechner und nicht aus dem Internet",
		"Adresse publique %s, vue de cette machine et non d'internet",
	},
	"public.name": {
		"the name %s leads to a public address",
		"der Name %s führt zu einer öffentlichen Adresse",
		"le nom %s mène à une adresse publique",
	},
	"public.until": {
		"until %s",
		"bis %s",
		"jusqu'au %s",
	},
	"public.name-simulated": {
		"simulated Graph, any address will do",
		"simuliertes Graph, jede Adresse genügt",
		"Graph simulé, toute adresse convient",
	},
	"public.name-unknown": {
		"the name %s cannot be resolved",
		"der Name %s lässt sich nicht auflösen",
		"le nom %s ne peut pas être résolu",
	},
	"public.name-unknown.do": {
		"make a public DNS record, or correct public_url",
		"einen öffentlichen DNS-Eintrag anlegen oder public_url berichtigen",
		"créer un enregistrement DNS public, ou corriger public_url",
	},
	"public.name-inside": {
		"from here %s leads to %s, where Microsoft cannot call; elsewhere it may lead to another address",
		"von hier aus führt %s zu %s, wo Microsoft nicht anrufen kann; anderswo mag es eine andere Adresse sein",
		"vu d'ici, %s mène à %s, où Microsoft ne peut pas appeler ; ailleurs, ce peut être une autre adresse",
	},
	"public.name-inside.do": {
		"ask a name server outside your network; it must tell a public address",
		"einen Nameserver außerhalb des eigenen Netzes fragen; er muss eine öffentliche Adresse nennen",
		"interroger un serveur de noms hors de votre réseau ; il doit donner une adresse publique",
	},
	"public.name-number": {
		"%s is a number, for which hardly any certificate authority signs",
		"%s ist eine Nummer, für die kaum eine Zertifizierungsstelle unterschreibt",
		"%s est un numéro, pour lequel presque aucune autorité ne signe",
	},
	"public.name-number.do": {
		"use a name in public_url",
		"in public_url einen Namen verwenden",
		"utiliser un nom dans public_url",
	},
	"public.certificate": {
		"the certificate in %s will do",
		"das Zertifikat in %s taugt",
		"le certificat dans %s convient",
	},
	"public.pair": {
		"certificate and key cannot be used",
		"Zertifikat und Schlüssel sind nicht zu gebrauchen",
		"le certificat et la clé sont inutilisables",
	},
	"public.pair.do": {
		"correct tls.cert_file and tls.key_file",
		"tls.cert_file und tls.key_file berichtigen",
		"corriger tls.cert_file et tls.key_file",
	},
	"public.listener": {
		"somebody answers Microsoft's calls",
		"jemand beantwortet Microsofts Aufrufe",
		"quelqu'un répond aux appels de Microsoft",
	},
	"public.listener-service": {
		"the running service",
		"der laufende Dienst",
		"le service en marche",
	},
	"public.listener-check": {
		"this check, at %s, until it ends",
		"diese Prüfung, an %s, solange sie läuft",
		"cette vérification, à %s, jusqu'à sa fin",
	},
	"public.listener-acme": {
		"not tried, because the service itself gets the certificate (tls.mode: acme): start it and check again",
		"nicht versucht, weil der Dienst das Zertifikat selbst holt (tls.mode: acme): ihn starten und erneut prüfen",
		"non essayé, parce que le service obtient lui-même le certificat (tls.mode: acme) : le démarrer et recommencer",
	},
	"public.listener-taken": {
		"another process listens at %s, and it is no healthy service of this configuration",
		"an %s lauscht ein anderer Prozess, und es ist kein gesunder Dienst dieser Konfiguration",
		"un autre processus écoute à %s, et ce n'est pas un service sain de cette configuration",
	},
	"public.listener-taken.do": {
		"stop it, or change listen.callback; if it is the service, look into its log",
		"ihn anhalten oder listen.callback ändern; ist es der Dienst, in sein Log sehen",
		"l'arrêter, ou changer listen.callback ; si c'est le service, regarder son journal",
	},
	"public.listener-forbidden": {
		"this user may not listen at %s",
		"dieser Benutzer darf an %s nicht lauschen",
		"cet utilisateur ne peut pas écouter à %s",
	},
	"public.listener-forbidden.do": {
		"run the check as the user of the service, or start the service and check again; ports below 1024 need CAP_NET_BIND_SERVICE",
		"die Prüfung als Benutzer des Dienstes ausführen, oder den Dienst starten und erneut prüfen; Ports unter 1024 brauchen CAP_NET_BIND_SERVICE",
		"lancer la vérification en tant que l'utilisateur du service, ou démarrer le service et recommencer ; les ports sous 1024 exigent CAP_NET_BIND_SERVICE",
	},
	"public.listener-failed": {
		"nobody can listen at %s",
		"an %s kann niemand lauschen",
		"personne ne peut écouter à %s",
	},
	"public.listener-failed.do": {
		"correct listen.callback and tls, or start the service and check again",
		"listen.callback und tls berichtigen, oder den Dienst starten und erneut prüfen",
		"corriger listen.callback et tls, ou démarrer le service et recommencer",
	},
	"public.tls": {
		"the certificate that %s presents is trusted",
		"dem Zertifikat, das %s vorzeigt, wird vertraut",
		"le certificat que présente %s est reconnu",
	},
	"public.tls.tried": {
		"a TLS connection to %s, and its certificates against the public roots",
		"eine TLS-Verbindung zu %s, und deren Zertifikate gegen die öffentlichen Stammzertifikate",
		"une connexion TLS à %s, et ses certificats face aux racines publiques",
	},
	"public.tls-failed": {
		"%s speaks no TLS that Microsoft would accept",
		"%s spricht kein TLS, das Microsoft annehmen würde",
		"%s ne parle pas un TLS que Microsoft accepterait",
	},
	"public.tls-failed.do": {
		"serve TLS 1.2 or newer there, without client certificates",
		"dort TLS 1.2 oder neuer anbieten, ohne Clientzertifikate",
		"y offrir TLS 1.2 ou plus récent, sans certificat client",
	},
	"public.tls-early": {
		"the certificate counts only from %s on",
		"das Zertifikat gilt erst ab dem %s",
		"le certificat ne vaut qu'à partir du %s",
	},
	"public.tls-early.do": {
		"wait, or correct the clock of this machine",
		"warten oder die Uhr dieses Rechners berichtigen",
		"attendre, ou corriger l'horloge de cette machine",
	},
	"public.tls-expired": {
		"the certificate has expired on %s",
		"das Zertifikat ist am %s abgelaufen",
		"le certificat a expiré le %s",
	},
	"public.tls-expired.do": {
		"renew it and replace the files; no restart is needed",
		"es erneuern und die Dateien ersetzen; ein Neustart ist nicht nötig",
		"le renouveler et remplacer les fichiers ; aucun redémarrage n'est nécessaire",
	},
	"public.tls-ends": {
		"the certificate ends on %s, in %d days",
		"das Zertifikat läuft am %s ab, in %d Tagen",
		"le certificat expire le %s, dans %d jours",
	},
	"public.tls-ends.do": {
		"renew it and replace the files; no restart is needed",
		"es erneuern und die Dateien ersetzen; ein Neustart ist nicht nötig",
		"le renouveler et remplacer les fichiers ; aucun redémarrage n'est nécessaire",
	},
	"public.tls-name": {
		"the certificate is not for %s, but for: %s",
		"das Zertifikat ist nicht für %s, sondern für: %s",
		"le certificat n'est pas pour %s, mais pour : %s",
	},
	"public.tls-name.do": {
		"get one for the name in public_url, or correct public_url",
		"eines für den Namen in public_url besorgen oder public_url berichtigen",
		"en obtenir un pour le nom de public_url, ou corriger public_url",
	},
	"public.tls-self-signed": {
		"the certificate has signed itself; Microsoft trusts public authorities only",
		"das Zertifikat hat sich selbst unterschrieben; Microsoft vertraut nur öffentlichen Stellen",
		"le certificat s'est signé lui-même ; Microsoft ne se fie qu'aux autorités publiques",
	},
	"public.tls-self-signed.do": {
		"get one from a public certificate authority",
		"eines von einer öffentlichen Zertifizierungsstelle besorgen",
		"en obtenir un auprès d'une autorité publique",
	},
	"public.tls-chain": {
		"only the server's own certificate is there, without the one of its issuer %s",
		"es ist nur das Zertifikat des Servers selbst da, ohne das seines Ausstellers %s",
		"seul le certificat du serveur est là, sans celui de son émetteur %s",
	},
	"public.tls-chain.do": {
		"put the full chain into the file, the server's own certificate first (often called fullchain.pem)",
		"die vollständige Kette in die Datei legen, das Zertifikat des Servers zuerst (oft fullchain.pem genannt)",
		"mettre la chaîne complète dans le fichier, le certificat du serveur en premier (souvent nommé fullchain.pem)",
	},
	"public.tls-private": {
		"the chain ends at %s, which is no public root",
		"die Kette endet bei %s, das ist kein öffentliches Stammzertifikat",
		"la chaîne s'arrête à %s, qui n'est pas une racine publique",
	},
	"public.tls-private.do": {
		"get a certificate from a public certificate authority, with the full chain",
		"ein Zertifikat von einer öffentlichen Zertifizierungsstelle besorgen, mit der vollständigen Kette",
		"obtenir un certificat d'une autorité publique, avec la chaîne complète",
	},
	"public.not-reached": {
		"%s cannot be reached from this machine; Microsoft, which comes from outside, may still reach it",
		"%s ist von diesem Rechner aus nicht zu erreichen; Microsoft, das von außen kommt, erreicht es womöglich trotzdem",
		"%s est injoignable depuis cette machine ; Microsoft, qui vient de l'extérieur, peut quand même l'atteindre",
	},
	"public.not-reached.do": {
		"the trial subscription below decides; without one, try it from another network as the guide shows",
		"das Probeabonnement unten entscheidet; ohne eines aus einem anderen Netz versuchen, wie die Anleitung zeigt",
		"l'abonnement d'essai plus bas en décide ; sans lui, essayer depuis un autre réseau comme le montre le guide",
	},
	"public.handshake": {
		"%s answers the handshake",
		"%s beantwortet den Handshake",
		"%s répond à la validation",
	},
	"public.handshake.tried": {
		"POST %s?validationToken=…, as Microsoft does, from this machine",
		"POST %s?validationToken=…, wie Microsoft es macht, von diesem Rechner",
		"POST %s?validationToken=…, comme le fait Microsoft, depuis cette machine",
	},
	"public.handshake-failed": {
		"the answer is not 200",
		"die Antwort ist nicht 200",
		"la réponse n'est pas 200",
	},
	"public.handshake-failed.do": {
		"let the proxy pass on POST requests to /graph/notifications and /graph/lifecycle unchanged",
		"den Proxy POST-Anfragen an /graph/notifications und /graph/lifecycle unverändert weitergeben lassen",
		"laisser le proxy transmettre telles quelles les requêtes POST à /graph/notifications et /graph/lifecycle",
	},
	"public.redirects": {
		"the answer is a redirection, which Microsoft does not follow",
		"die Antwort ist eine Umleitung, der Microsoft nicht folgt",
		"la réponse est une redirection, que Microsoft ne suit pas",
	},
	"public.redirects.do": {
		"answer at the address itself, without redirection or sign-in",
		"unter der Adresse selbst antworten, ohne Umleitung oder Anmeldung",
		"répondre à l'adresse même, sans redirection ni connexion",
	},
	"public.proxy-alone": {
		"a proxy answers, but does not reach Presence Bridge behind it",
		"ein Proxy antwortet, erreicht aber Presence Bridge dahinter nicht",
		"un proxy répond, mais n'atteint pas Presence Bridge derrière lui",
	},
	"public.proxy-alone.do": {
		"let the proxy lead to listen.callback, and match tls.mode: off if the proxy speaks plain HTTP to it",
		"den Proxy zu listen.callback führen, und tls.mode: off wählen, wenn er unverschlüsselt mit ihm spricht",
		"faire mener le proxy à listen.callback, avec tls.mode: off s'il lui parle en HTTP simple",
	},
	"public.wrong-echo": {
		"something else answers there: the token did not come back as plain text",
		"dort antwortet etwas anderes: das Token kam nicht als reiner Text zurück",
		"autre chose répond là : le jeton n'est pas revenu en texte simple",
	},
	"public.wrong-echo.do": {
		"let the name lead to Presence Bridge, and the proxy pass on query and body unchanged",
		"den Namen zu Presence Bridge führen und den Proxy Abfragezeichenfolge und Inhalt unverändert weitergeben lassen",
		"faire mener le nom à Presence Bridge, et laisser le proxy transmettre telles quelles la chaîne de requête et la réponse",
	},
}
