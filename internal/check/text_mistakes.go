package check

// mistakeTexts are of a configuration that cannot be used.
var mistakeTexts = map[string]text{
	"group.config": {
		"Configuration %s",
		"Konfiguration %s",
		"Configuration %s",
	},
	"config.mistake": {
		"%s is wrong",
		"%s stimmt nicht",
		"%s est faux",
	},
	"config.whole": {
		"the file",
		"die Datei",
		"le fichier",
	},
	"config.mistake.tried": {
		"reading the configuration",
		"die Konfiguration gelesen",
		"lire la configuration",
	},
	"config.mistake-found": {
		"the configuration has a mistake; nothing else is tried before it is mended",
		"die Konfiguration enthält einen Fehler; bevor er behoben ist, wird nichts weiter versucht",
		"la configuration contient une erreur ; rien d'autre n'est essayé avant qu'elle soit corrigée",
	},
}
