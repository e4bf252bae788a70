package check

// commonTexts are for every step.
var commonTexts = map[string]text{
	"not-tried": {
		"not tried, because this did not work: %s",
		"nicht versucht, weil dies scheiterte: %s",
		"non essayé, parce que ceci n'a pas fonctionné : %s",
	},
	"graph.unreachable": {
		"Microsoft Graph gave no answer",
		"Microsoft Graph hat nicht geantwortet",
		"Microsoft Graph n'a pas répondu",
	},
	"graph.unreachable.do": {
		"check network, proxy and name resolution, then try again",
		"Netz, Proxy und Namensauflösung prüfen, dann erneut versuchen",
		"vérifier le réseau, le proxy et la résolution de noms, puis recommencer",
	},
	"graph.refused": {
		"Microsoft Graph refused the request",
		"Microsoft Graph hat die Anfrage abgelehnt",
		"Microsoft Graph a refusé la requête",
	},
	"graph.refused.do": {
		"look at what it said; with the request-id Microsoft's support finds it",
		"ansehen, was gesagt wurde; mit der request-id findet Microsofts Support den Vorgang",
		"lire ce qui a été dit ; avec le request-id, le support de Microsoft retrouve la requête",
	},
	"graph.busy": {
		"Microsoft Graph is busy or away for the moment",
		"Microsoft Graph ist im Augenblick überlastet oder nicht da",
		"Microsoft Graph est surchargé ou absent pour le moment",
	},
	"graph.busy.do": {
		"try again in a few minutes",
		"in einigen Minuten erneut versuchen",
		"recommencer dans quelques minutes",
	},
	"graph.token": {
		"Microsoft Graph does not accept the token",
		"Microsoft Graph nimmt das Token nicht an",
		"Microsoft Graph n'accepte pas le jeton",
	},
	"graph.token.do": {
		"check the clock of this machine, then try again",
		"die Uhr dieses Rechners prüfen, dann erneut versuchen",
		"vérifier l'horloge de cette machine, puis recommencer",
	},
	"token.opaque": {
		"the token cannot be read, so its permissions are not known; the steps below try them",
		"das Token ist nicht lesbar, seine Berechtigungen sind daher nicht bekannt; die Schritte darunter probieren sie aus",
		"le jeton n'est pas lisible, ses autorisations sont donc inconnues ; les étapes suivantes les essaient",
	},
	"permission.unknown": {
		"unknown, permission missing: %s",
		"unbekannt, Berechtigung fehlt: %s",
		"inconnu, autorisation absente : %s",
	},
	"permission.unknown.do": {
		"grant it to the app as application permission, if this shall be known",
		"sie der App als Anwendungsberechtigung geben, wenn man es wissen will",
		"l'accorder à l'application comme autorisation d'application, si l'on veut le savoir",
	},
	"sign-in.unreadable": {
		"the secret, password or certificate cannot be read",
		"das Geheimnis, Kennwort oder Zertifikat ist nicht lesbar",
		"le secret, le mot de passe ou le certificat n'est pas lisible",
	},
	"sign-in.unreadable.do": {
		"correct the file that the configuration names, and its rights",
		"die Datei, die in der Konfiguration steht, und ihre Rechte berichtigen",
		"corriger le fichier que nomme la configuration, et ses droits",
	},
	"sign-in.unknown-domain": {
		"the domain of the user name is not one of Entra ID's",
		"die Domäne des Benutzernamens kennt Entra ID nicht",
		"le domaine du nom d'utilisateur n'est pas connu d'Entra ID",
	},
	"sign-in.unknown-domain.do": {
		"correct the user name (the user principal name)",
		"den Benutzernamen berichtigen (den Benutzerprinzipalnamen)",
		"corriger le nom d'utilisateur (le nom d'utilisateur principal)",
	},
	"sign-in.refused": {
		"Entra ID refused the sign-in",
		"Entra ID hat die Anmeldung abgelehnt",
		"Entra ID a refusé la connexion",
	},
	"sign-in.refused.do": {
		"look the code up in Microsoft's list of AADSTS codes and in the sign-in logs of Entra ID",
		"den Code in Microsofts Liste der AADSTS-Codes und in den Anmeldeprotokollen von Entra ID nachschlagen",
		"chercher le code dans la liste des codes AADSTS de Microsoft et dans les journaux de connexion d'Entra ID",
	},
	"sign-in.unreachable": {
		"Entra ID could not be asked",
		"Entra ID konnte nicht gefragt werden",
		"Entra ID n'a pas pu être interrogé",
	},
	"sign-in.unreachable.do": {
		"check network, proxy and name resolution, then try again",
		"Netz, Proxy und Namensauflösung prüfen, dann erneut versuchen",
		"vérifier le réseau, le proxy et la résolution de noms, puis recommencer",
	},
	"label-tried":          {"tried", "versucht", "essayé"},
	"label-said":           {"said", "gesagt", "dit"},
	"label-means":          {"means", "heißt", "signifie"},
	"label-do":             {"do", "tun", "faire"},
	"label-guide":          {"guide", "Anleitung", "guide"},
	"print.good":           {"everything works", "alles geht", "tout fonctionne"},
	"print.nothing-failed": {"nothing failed", "nichts ist gescheitert", "rien n'a échoué"},
	"print.bad":            {"%d of %d steps failed", "%d von %d Schritten gescheitert", "étapes en échec : %d sur %d"},
	"print.count":          {"%d well, %d with a warning, %d failed, %d unknown, %d not tried", "%d in Ordnung, %d mit Warnung, %d gescheitert, %d unbekannt, %d nicht versucht", "%d en ordre, %d avec avertissement, %d en échec, %d sans réponse, %d non essayées"},
	"print.interrupted":    {"interrupted", "unterbrochen", "interrompu"},
}
