package cli

// CommandNames are the commands that there are, for tests that must leave none out.
func CommandNames() []string {
	var names []string
	for _, command := range newApp(Env{}).Commands {
		names = append(names, command.Name)
	}
	return names
}
