package check

// accountTexts are of service users.
var accountTexts = map[string]text{
	"group.account": {
		"Service user %[1]s of the tenant %[2]s",
		"Dienstbenutzer %[1]s des Mandanten %[2]s",
		"Utilisateur de service %[1]s du locataire %[2]s",
	},
	"user.sign-in": {
		"the service user signs in",
		"der Dienstbenutzer meldet sich an",
		"l'utilisateur de service se connecte",
	},
	"user.sign-in.tried": {
		"one sign-in through the app, not repeated so as not to lock the account",
		"eine Anmeldung durch die App, nicht wiederholt, um das Konto nicht zu sperren",
		"une connexion par l'application, non répétée pour ne pas verrouiller le compte",
	},
	"user.unusable": {
		"the kept sign-in of the service user cannot be read",
		"die aufbewahrte Anmeldung des Dienstbenutzers ist nicht lesbar",
		"la connexion conservée de l'utilisateur de service n'est pas lisible",
	},
	"user.unusable.do": {
		"run the check as the user of the service; if that does not help, sign it in again: %s",
		"die Prüfung als Benutzer des Dienstes ausführen; hilft das nicht, ihn neu anmelden: %s",
		"lancer la vérification en tant que l'utilisateur du service ; si cela ne suffit pas, le connecter de nouveau : %s",
	},
	"user.never-signed-in": {
		"nobody has signed this service user in yet",
		"diesen Dienstbenutzer hat noch niemand angemeldet",
		"personne n'a encore connecté cet utilisateur de service",
	},
	"user.never-signed-in.do": {
		"do it in a browser: %s",
		"es in einem Browser tun: %s",
		"le faire dans un navigateur : %s",
	},
	"user.again": {
		"sign it in again, in a browser: %s",
		"ihn neu anmelden, in einem Browser: %s",
		"le connecter de nouveau, dans un navigateur : %s",
	},
	"user.permission": {
		"it has the delegated permission %s",
		"er hat die delegierte Berechtigung %s",
		"il a l'autorisation déléguée %s",
	},
	"user.permission.tried": {
		"reading the permissions in its token",
		"die Berechtigungen in seinem Token gelesen",
		"lire les autorisations dans son jeton",
	},
	"user.permission-missing": {
		"the delegated permission %s is missing, or nobody has consented to it",
		"die delegierte Berechtigung %s fehlt, oder niemand hat ihr zugestimmt",
		"l'autorisation déléguée %s manque, ou personne n'y a consenti",
	},
	"user.permission-missing.do": {
		"add it as delegated permission (not application), grant admin consent, and wait some minutes",
		"sie als delegierte Berechtigung (nicht Anwendung) hinzufügen, die Administratorzustimmung erteilen und einige Minuten warten",
		"l'ajouter comme autorisation déléguée (pas d'application), accorder le consentement d'administrateur, et attendre quelques minutes",
	},
	"user.least": {
		"it can do no more than needed",
		"er darf nicht mehr als nötig",
		"il ne peut pas plus que nécessaire",
	},
	"user.administrator": {
		"the service user has a directory role, and whoever has its password has that too",
		"der Dienstbenutzer hat eine Verzeichnisrolle, und wer sein Kennwort hat, hat sie auch",
		"l'utilisateur de service a un rôle d'annuaire, et qui a son mot de passe l'a aussi",
	},
	"user.administrator.do": {
		"take all roles from it; it needs none",
		"ihm alle Rollen nehmen; er braucht keine",
		"lui retirer tous ses rôles ; il n'en a besoin d'aucun",
	},
	"user.presence": {
		"it may read presence",
		"er darf den Status lesen",
		"il peut lire la présence",
	},
	"user.presence.tried": {
		"reading one person's presence",
		"den Status einer Person gelesen",
		"lire la présence d'une personne",
	},
	"user.presence-denied": {
		"the service user may not read presence",
		"der Dienstbenutzer darf den Status nicht lesen",
		"l'utilisateur de service ne peut pas lire la présence",
	},
	"user.presence-denied.do": {
		"grant Presence.Read.All as delegated permission, with admin consent",
		"Presence.Read.All als delegierte Berechtigung geben, mit Administratorzustimmung",
		"accorder Presence.Read.All comme autorisation déléguée, avec consentement d'administrateur",
	},
	"user.nobody": {
		"not tried, because nobody to watch is known",
		"nicht versucht, weil niemand bekannt ist, der zu beobachten wäre",
		"non essayé, parce que personne à suivre n'est connu",
	},
	"user.subscription": {
		"Microsoft makes a subscription for it and reaches the public address",
		"Microsoft legt ein Abonnement für ihn an und erreicht die öffentliche Adresse",
		"Microsoft crée un abonnement pour lui et atteint l'adresse publique",
	},
	"user.subscription.tried": {
		"a subscription over one person to %s, deleted at once",
		"ein Abonnement über eine Person an %s, sofort wieder gelöscht",
		"un abonnement sur une personne vers %s, supprimé aussitôt",
	},
	"user.subscription-exists": {
		"not tried, it carries %d people until %s",
		"nicht versucht, er trägt %d Personen bis %s",
		"non essayé, il porte %d personnes jusqu'à %s",
	},
	"user.subscription-elsewhere": {
		"it has a subscription until %s that leads elsewhere: %s",
		"er hat ein Abonnement bis %s, das woandershin führt: %s",
		"il a un abonnement jusqu'à %s qui mène ailleurs : %s",
	},
	"user.subscription-elsewhere.do": {
		"give each installation service users of its own, or delete it: presencebridge subscriptions delete --direct",
		"jeder Installation eigene Dienstbenutzer geben, oder es löschen: presencebridge subscriptions delete --direct",
		"donner à chaque installation ses propres utilisateurs de service, ou le supprimer : presencebridge subscriptions delete --direct",
	},
	"user.subscription-service": {
		"not tried, because the service runs and may want to make its own; it is a spare, or presencebridge subscriptions list says what is wrong",
		"nicht versucht, weil der Dienst läuft und jederzeit selbst eines anlegen kann; er ist Reserve, oder presencebridge subscriptions list sagt, was fehlt",
		"non essayé, parce que le service tourne et peut vouloir créer le sien ; il est en réserve, ou presencebridge subscriptions list dit ce qui ne va pas",
	},
	"user.subscription-denied": {
		"the service user may not make subscriptions",
		"der Dienstbenutzer darf keine Abonnements anlegen",
		"l'utilisateur de service ne peut pas créer d'abonnement",
	},
	"user.subscription-denied.do": {
		"grant Presence.Read.All as delegated permission with admin consent; if it is there, try a licence with Teams for the service user",
		"Presence.Read.All als delegierte Berechtigung mit Administratorzustimmung geben; ist sie da, dem Dienstbenutzer versuchsweise eine Lizenz mit Teams geben",
		"accorder Presence.Read.All comme autorisation déléguée avec consentement d'administrateur ; si elle est là, essayer une licence avec Teams pour l'utilisateur de service",
	},
	"user.subscription-handshake": {
		"Microsoft called the public address and got no good answer",
		"Microsoft hat die öffentliche Adresse angerufen und keine gute Antwort bekommen",
		"Microsoft a appelé l'adresse publique et n'a pas eu de bonne réponse",
	},
	"user.subscription-handshake.do": {
		"look at the steps of the public address above; if they are well, let Microsoft's addresses through the firewall and send the full certificate chain",
		"die Schritte zur öffentlichen Adresse oben ansehen; sind sie gut, Microsofts Adressen durch die Firewall lassen und die vollständige Zertifikatskette senden",
		"regarder les étapes de l'adresse publique plus haut ; si elles sont bonnes, laisser passer les adresses de Microsoft dans le pare-feu et envoyer la chaîne complète",
	},
	"user.subscription-timeout": {
		"Microsoft called the public address and waited ten seconds in vain",
		"Microsoft hat die öffentliche Adresse angerufen und zehn Sekunden vergeblich gewartet",
		"Microsoft a appelé l'adresse publique et a attendu dix secondes en vain",
	},
	"user.subscription-timeout.do": {
		"let Microsoft's addresses through the firewall; a filter that drops packets looks like this",
		"Microsofts Adressen durch die Firewall lassen; ein Filter, der Pakete verwirft, sieht so aus",
		"laisser passer les adresses de Microsoft dans le pare-feu ; un filtre qui jette les paquets donne cela",
	},
	"user.subscription-echo": {
		"Microsoft called the public address, and something else than Presence Bridge answered",
		"Microsoft hat die öffentliche Adresse angerufen, und etwas anderes als Presence Bridge hat geantwortet",
		"Microsoft a appelé l'adresse publique, et autre chose que Presence Bridge a répondu",
	},
	"user.subscription-echo.do": {
		"let the proxy pass on query and answer unchanged",
		"den Proxy Abfragezeichenfolge und Antwort unverändert weitergeben lassen",
		"laisser le proxy transmettre telles quelles la chaîne de requête et la réponse",
	},
	"user.subscription-conflict": {
		"Microsoft says that this service user has a subscription already, but lists none; after a deletion that can last for minutes",
		"Microsoft sagt, dieser Dienstbenutzer habe schon ein Abonnement, zeigt aber keines; nach einem Löschen kann das Minuten dauern",
		"Microsoft dit que cet utilisateur de service a déjà un abonnement, mais n'en montre aucun ; après une suppression, cela peut durer des minutes",
	},
	"user.subscription-conflict.do": {
		"try again in ten minutes; if it stays, another app of the same ID uses this service user",
		"in zehn Minuten erneut versuchen; bleibt es, benutzt eine andere Installation derselben App diesen Dienstbenutzer",
		"recommencer dans dix minutes ; si cela reste, une autre installation de la même application utilise cet utilisateur de service",
	},
	"user.subscription-refused": {
		"Microsoft makes no subscription",
		"Microsoft legt kein Abonnement an",
		"Microsoft ne crée pas d'abonnement",
	},
	"user.subscription-refused.do": {
		"look at what it said; with the request-id Microsoft's support finds it",
		"ansehen, was gesagt wurde; mit der request-id findet Microsofts Support den Vorgang",
		"lire ce qui a été dit ; avec le request-id, le support de Microsoft retrouve la requête",
	},
	"user.subscription-left": {
		"the trial subscription %s could not be deleted; it ends by itself at %s",
		"das Probeabonnement %s ließ sich nicht löschen; es endet von selbst um %s",
		"l'abonnement d'essai %s n'a pas pu être supprimé ; il expirera de lui-même à %s",
	},
	"user.subscription-left.do": {
		"delete it: presencebridge subscriptions delete --direct",
		"es löschen: presencebridge subscriptions delete --direct",
		"le supprimer : presencebridge subscriptions delete --direct",
	},
}
