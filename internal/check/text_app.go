package check

// appTexts are of the app and the people.
var appTexts = map[string]text{
	"group.app": {
		"App and people of the tenant %s",
		"App und Personen des Mandanten %s",
		"Application et personnes du locataire %s",
	},
	"tenant.exists": {
		"the tenant %s exists",
		"den Mandanten %s gibt es",
		"le locataire %s existe",
	},
	"tenant.exists.tried": {
		"asking %s for its public keys",
		"%s nach seinen öffentlichen Schlüsseln gefragt",
		"demander ses clés publiques à %s",
	},
	"tenant.unclear": {
		"the answer does not tell whether the tenant exists",
		"die Antwort sagt nicht, ob es den Mandanten gibt",
		"la réponse ne dit pas si le locataire existe",
	},
	"tenant.unclear.do": {
		"try again in a few minutes",
		"in einigen Minuten erneut versuchen",
		"recommencer dans quelques minutes",
	},
	"tenant.other-cloud": {
		"the tenant is in the cloud of %s, the configuration asks %s",
		"der Mandant ist in der Cloud von %s, die Konfiguration fragt %s",
		"le locataire est dans le cloud de %s, la configuration interroge %s",
	},
	"tenant.other-cloud.do": {
		"correct graph.base_url and graph.authority",
		"graph.base_url und graph.authority berichtigen",
		"corriger graph.base_url et graph.authority",
	},
	"app.sign-in": {
		"the app %s signs in",
		"die App %s meldet sich an",
		"l'application %s se connecte",
	},
	"app.sign-in.tried": {
		"a token for the app itself (client credentials)",
		"ein Token für die App selbst (Clientanmeldeinformationen)",
		"un jeton pour l'application elle-même (informations d'identification du client)",
	},
	"app.permission": {
		"the app has the application permission %s",
		"die App hat die Anwendungsberechtigung %s",
		"l'application a l'autorisation d'application %s",
	},
	"app.permission.tried": {
		"reading the permissions in its token",
		"die Berechtigungen in ihrem Token gelesen",
		"lire les autorisations dans son jeton",
	},
	"app.permission-missing": {
		"the application permission %s is missing, or nobody has consented to it",
		"die Anwendungsberechtigung %s fehlt, oder niemand hat ihr zugestimmt",
		"l'autorisation d'application %s manque, ou personne n'y a consenti",
	},
	"app.permission-missing.do": {
		"add it as application permission (not delegated), grant admin consent, and wait some minutes",
		"sie als Anwendungsberechtigung (nicht delegiert) hinzufügen, die Administratorzustimmung erteilen und einige Minuten warten",
		"l'ajouter comme autorisation d'application (pas déléguée), accorder le consentement d'administrateur, et attendre quelques minutes",
	},
	"app.permission-optional": {
		"%s is optional and not there: some things below cannot be told",
		"%s ist optional und fehlt: Manches unten lässt sich nicht sagen",
		"%s est facultative et absente : certaines choses plus bas ne peuvent être dites",
	},
	"app.permission-optional.do": {
		"grant it, if you want to be warned before something ends",
		"sie erteilen, wenn vor einem Ablauf gewarnt werden soll",
		"l'accorder, pour être prévenu avant une expiration",
	},
	"app.least": {
		"the app has no more permissions than needed",
		"die App hat nicht mehr Berechtigungen als nötig",
		"l'application n'a pas plus d'autorisations que nécessaire",
	},
	"app.more-than-needed": {
		"these permissions are not used: %s",
		"diese Berechtigungen werden nicht benutzt: %s",
		"ces autorisations ne servent pas : %s",
	},
	"app.more-than-needed.do": {
		"remove them, unless something else uses this app",
		"sie entfernen, wenn sonst nichts diese App benutzt",
		"les retirer, sauf si autre chose utilise cette application",
	},
	"app.assignment": {
		"notifications will carry the proof of their origin (assignment not required)",
		"Benachrichtigungen tragen den Beweis ihrer Herkunft (Zuweisung nicht erforderlich)",
		"les notifications porteront la preuve de leur origine (affectation non obligatoire)",
	},
	"app.assignment.tried": {
		"reading the enterprise application",
		"die Unternehmensanwendung gelesen",
		"lire l'application d'entreprise",
	},
	"app.assignment-required": {
		"assignment is required for this app, so Microsoft sends notifications without tokens (null), and the bridge refuses them all",
		"für diese App ist eine Zuweisung erforderlich, also schickt Microsoft Benachrichtigungen ohne Token (null), und die Bridge weist sie alle ab",
		"l'affectation est obligatoire pour cette application : Microsoft envoie donc les notifications sans jeton (null), et le service les refuse toutes",
	},
	"app.assignment-required.do": {
		"set Assignment required? to No, or assign Microsoft Graph Change Tracking to the app",
		"„Zuweisung erforderlich?“ auf Nein stellen oder Microsoft Graph Change Tracking der App zuweisen",
		"mettre « Affectation obligatoire ? » sur Non, ou affecter Microsoft Graph Change Tracking à l'application",
	},
	"people.found": {
		"the people of the configuration are found",
		"die Personen der Konfiguration werden gefunden",
		"les personnes de la configuration sont trouvées",
	},
	"people.found.tried": {
		"reading groups and users as the service does",
		"Gruppen und Benutzer gelesen, wie der Dienst es macht",
		"lire groupes et utilisateurs comme le service",
	},
	"people.count": {
		"%d",
		"%d",
		"%d",
	},
	"people.denied": {
		"the app may not read groups or users",
		"die App darf Gruppen oder Benutzer nicht lesen",
		"l'application ne peut pas lire les groupes ou les utilisateurs",
	},
	"people.denied.do": {
		"grant User.Read.All, and GroupMember.Read.All for groups, as application permissions with admin consent",
		"User.Read.All und für Gruppen GroupMember.Read.All als Anwendungsberechtigungen mit Administratorzustimmung geben",
		"accorder User.Read.All, et GroupMember.Read.All pour les groupes, comme autorisations d'application avec consentement d'administrateur",
	},
	"people.nobody": {
		"the configuration names nobody",
		"die Konfiguration nennt niemanden",
		"la configuration ne nomme personne",
	},
	"people.nobody.do": {
		"name groups or users in people",
		"in people Gruppen oder Benutzer nennen",
		"nommer des groupes ou des utilisateurs dans people",
	},
	"people.missed": {
		"%d people are found, but these entries mean nobody or several: %s",
		"%d Personen werden gefunden, aber diese Einträge meinen niemanden oder mehrere: %s",
		"%d personnes sont trouvées, mais ces entrées ne désignent personne ou plusieurs : %s",
	},
	"people.missed.do": {
		"correct the entries; an object ID always means one",
		"die Einträge berichtigen; eine Objekt-ID meint immer genau eine",
		"corriger les entrées ; un ID d'objet n'en désigne jamais qu'une",
	},
	"people.excludes-nobody": {
		"%d people are found, but these entries of exclude keep nobody out: %s",
		"%d Personen werden gefunden, aber diese Einträge unter exclude schließen niemanden aus: %s",
		"%d personnes sont trouvées, mais ces entrées d'exclude n'excluent personne : %s",
	},
	"people.excludes-nobody.do": {
		"remove or correct them: somebody who was meant may be watched",
		"sie entfernen oder berichtigen: Wer gemeint war, wird womöglich beobachtet",
		"les retirer ou les corriger : une personne visée est peut-être suivie",
	},
	"people.identities": {
		"nobody can be mistaken for somebody else",
		"niemand kann verwechselt werden",
		"personne ne peut être pris pour quelqu'un d'autre",
	},
	"people.confused": {
		"shared by several people, or not readable: %s",
		"mehreren Personen gemeinsam oder nicht lesbar: %s",
		"partagés par plusieurs personnes, ou illisibles : %s",
	},
	"people.confused.do": {
		"presencebridge users report names the people; give each their own address and number",
		"presencebridge users report nennt die Personen; jeder eine eigene Adresse und Rufnummer geben",
		"presencebridge users report nomme les personnes ; donner à chacune son adresse et son numéro",
	},
	"people.carried": {
		"the service users can carry everybody",
		"die Dienstbenutzer können alle tragen",
		"les utilisateurs de service peuvent porter tout le monde",
	},
	"people.too-many": {
		"%[1]d people, but %[2]d service users carry %[3]d at most; the rest is only read again and again",
		"%[1]d Personen, aber %[2]d Dienstbenutzer tragen höchstens %[3]d; die übrigen werden nur immer wieder gelesen",
		"%[1]d personnes, mais %[2]d utilisateurs de service en portent %[3]d au plus ; les autres ne sont que lues sans cesse",
	},
	"people.too-many.do": {
		"name %[4]d service users in accounts, and better one more as a spare",
		"in accounts %[4]d Dienstbenutzer nennen, besser noch einen als Reserve",
		"nommer %[4]d utilisateurs de service dans accounts, et de préférence un de plus en réserve",
	},
	"people.presence": {
		"the app may read presence",
		"die App darf den Status lesen",
		"l'application peut lire la présence",
	},
	"people.presence.tried": {
		"reading everybody's presence in bulk",
		"den Status aller gesammelt gelesen",
		"lire en nombre la présence de tous",
	},
	"people.presence-denied": {
		"the app may not read presence",
		"die App darf den Status nicht lesen",
		"l'application ne peut pas lire la présence",
	},
	"people.presence-denied.do": {
		"grant Presence.Read.All as application permission, with admin consent",
		"Presence.Read.All als Anwendungsberechtigung geben, mit Administratorzustimmung",
		"accorder Presence.Read.All comme autorisation d'application, avec consentement d'administrateur",
	},
	"people.licences": {
		"everybody has a presence",
		"alle haben einen Status",
		"tout le monde a une présence",
	},
	"people.no-presence": {
		"%d of %d people have no presence (PresenceUnknown): %s",
		"%d von %d Personen haben keinen Status (PresenceUnknown): %s",
		"%d personnes sur %d n'ont pas de présence (PresenceUnknown) : %s",
	},
	"people.no-presence.do": {
		"give them a licence with Teams, or take them out of people; whoever never used Teams looks the same",
		"ihnen eine Lizenz mit Teams geben oder sie aus people nehmen; wer Teams nie benutzt hat, sieht genauso aus",
		"leur donner une licence avec Teams, ou les retirer de people ; qui n'a jamais utilisé Teams a la même apparence",
	},
}
