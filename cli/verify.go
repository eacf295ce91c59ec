package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/inspect/verify"
	"github.com/urfave/cli/v2"
)

const verifyDescription = `Reads every blob that the images name, once, and tells what is damaged, untrue,
unsafe, or refused by engines (docs/rules.md tells of each rule), with a verdict
for each archive. Errors make it FAULTY, exit code 1; with --strict warnings do,
too. What cannot be opened or read is exit code 2, and the rest is verified all
the same. --platform leaves out images of other platforms and what refers to
them. Text shows what is of --severity or worse; the other forms have all
findings. --report FORM=- is --format FORM.

EXAMPLES
   imgtool verify image.tar
   imgtool verify *.tar --strict --rule IMG-SETUID=off --report junit=verify.xml`

func verifyCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "verify",
		Aliases:     []string{"validate", "check"},
		Usage:       "prove that archives are whole, truthful and safe",
		UsageText:   "imgtool verify [FLAGS] IMAGE...",
		Description: verifyDescription,
		Flags: sharedFlags(
			&cli.BoolFlag{Name: "fast", Usage: "read documents alone, and no layer content"},
			&cli.BoolFlag{Name: "strict", Usage: "warnings make an archive FAULTY, too"},
			&cli.StringFlag{Name: "severity", Value: "warning", Usage: "show `LEAST` or worse: note, warning or error"},
			&cli.StringSliceFlag{Name: "rule", Usage: "weigh a rule: `ID=SEVERITY`, which may be off"},
			&cli.BoolFlag{Name: "rules", Usage: "list the rules and stop"},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "read `N` layers at once; else one for each CPU"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "print `FORM`: text, json, junit or sarif"},
			&cli.StringSliceFlag{Name: "report", Usage: "write a report, too: `FORM=FILE` (repeatable)"},
		),
		Action: func(c *cli.Context) error { return runVerify(c, env) },
	}
}

// reportForms are what --format and --report take.
var reportForms = []string{"text", "json", "junit", "sarif"}

type verifyOptions struct {
	refs              []ref.Ref
	images, platforms []string
	verify            verify.Options
	fails             verify.Severity // the least that makes an archive faulty
	least             verify.Severity // the least that text shows
	format            string          // on standard output
	files             []reportFile
}

type reportFile struct{ form, path string }

func runVerify(c *cli.Context, env Env) error {
	if c.Bool("rules") {
		return runRules(c, env)
	}
	o, err := readVerifyFlags(c)
	if err != nil {
		return err
	}
	var run *verify.Run
	err = withSession(c, env, func(s *session) (err error) {
		run, err = s.verify(c.Context, o)
		return err
	})
	if err != nil {
		return err
	}
	switch totals := run.Totals(); {
	case totals.NotVerified > 0:
		return told(exitFail)
	case totals.Faulty > 0:
		return told(exitNo)
	}
	return nil
}

func readVerifyFlags(c *cli.Context) (verifyOptions, error) {
	o := verifyOptions{images: c.StringSlice("image"), platforms: c.StringSlice("platform"), format: c.String("format")}
	args, err := operands(c, 1, -1, "one or more archives")
	if err != nil {
		return o, err
	}
	if o.refs, err = readVerifyRefs(args, o.images); err != nil {
		return o, err
	}
	o.verify.Fast, o.verify.Jobs, o.fails = c.Bool("fast"), c.Int("jobs"), verify.Error
	if c.Bool("strict") {
		o.fails = verify.Warning
	}
	if o.verify.Severities, err = readRuleFlags(c.StringSlice("rule")); err != nil {
		return o, err
	}
	if o.least, err = verify.ParseSeverity(c.String("severity")); err != nil || o.least == verify.Off {
		return o, usageError(fmt.Sprintf("--severity is note, warning or error, not %q", c.String("severity")), helpHint(c))
	}
	if err := o.readReportFlags(c); err != nil {
		return o, err
	}
	switch {
	case c.IsSet("jobs") && o.verify.Jobs < 1:
		return o, usageError("--jobs is a number above 0", helpHint(c))
	case c.IsSet("severity") && !o.hasText():
		return o, usageError("--severity chooses what text shows, and no text is asked for", "the other forms have all findings; --rule ID=off leaves some out")
	}
	return o, nil
}

// readVerifyRefs reads the operands. What --image names must be in each archive.
func readVerifyRefs(args, images []string) ([]ref.Ref, error) {
	var refs []ref.Ref
	stdins := 0
	for _, arg := range args {
		r, err := ref.Parse(arg)
		if err != nil {
			return nil, err
		}
		if _, err := selectors(r, images); err != nil {
			return nil, err
		}
		if r.Path == ref.Stdio {
			stdins++
		}
		refs = append(refs, r)
	}
	if stdins > 1 {
		return nil, usageError("standard input can be read once", "name a file for the other archive")
	}
	return refs, nil
}

// readRuleFlags reads ID=SEVERITY; the last one for a rule counts.
func readRuleFlags(flags []string) (map[string]verify.Severity, error) {
	severities := map[string]verify.Severity{}
	for _, flag := range flags {
		id, word, ok := strings.Cut(flag, "=")
		if !ok {
			return nil, usageError(fmt.Sprintf("--rule is ID=SEVERITY, not %q", flag), "such as --rule IMG-SETUID=off")
		}
		rule, known := verify.RuleByID(strings.ToUpper(id))
		if !known {
			return nil, usageError(fmt.Sprintf("no rule %q", id), suggestRule(id))
		}
		severity, err := verify.ParseSeverity(word)
		if err != nil {
			return nil, usageError(fmt.Sprintf("--rule %s: %v", rule.ID, err), "such as --rule "+rule.ID+"=off")
		}
		severities[rule.ID] = severity
	}
	return severities, nil
}

// suggestRule gives a hint for a rule that is not known. The parser's library
// knows how to tell what is near, of flags.
func suggestRule(id string) string {
	const list, prefix = "`imgtool verify --rules` lists them", "IMG-"
	var flags []cli.Flag
	for _, r := range verify.Rules() {
		flags = append(flags, &cli.BoolFlag{Name: strings.TrimPrefix(r.ID, prefix)})
	}
	name := strings.TrimPrefix(strings.ToUpper(id), prefix)
	near := strings.TrimLeft(cli.SuggestFlag(flags, name, true), "-")
	if !isNear(near, name) {
		return list
	}
	return fmt.Sprintf("did you mean %s? %s", prefix+near, list)
}

// readReportFlags reads where to write what. One report goes to standard output:
// that of --format, or of --report FORM=- in its place.
func (o *verifyOptions) readReportFlags(c *cli.Context) error {
	taken := c.IsSet("format")
	if !slices.Contains(reportForms, o.format) {
		return usageError(fmt.Sprintf("--format is %s, not %q", listWords(reportForms), o.format), helpHint(c))
	}
	for _, flag := range c.StringSlice("report") {
		form, file, ok := strings.Cut(flag, "=")
		switch {
		case !ok || file == "" || !slices.Contains(reportForms, form):
			return usageError(fmt.Sprintf("--report is FORM=FILE, not %q", flag), "FORM is "+listWords(reportForms))
		case file == ref.Stdio && taken:
			return usageError("standard output takes one report", "write the other to a file: --report "+form+"=FILE")
		case file == ref.Stdio:
			o.format, taken = form, true
		case slices.ContainsFunc(o.files, func(f reportFile) bool { return f.path == file }):
			return usageError(fmt.Sprintf("--report writes twice to %q", file), "name another file")
		case slices.ContainsFunc(o.refs, func(r ref.Ref) bool { return holds(r.Path, file) }):
			return usageError(fmt.Sprintf("--report would write to %q, which is to be verified, or lies in what is", file), "name another file")
		default:
			o.files = append(o.files, reportFile{form, file})
		}
	}
	return nil
}

func listWords(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// holds reports that file, through links, is the file or folder at path, or lies
// in that folder. The archive need not open: it is not to be lost then either.
func holds(path, file string) bool {
	input, err := os.Stat(path)
	if err != nil {
		return false
	}
	at, err := filepath.Abs(file)
	if err != nil {
		return false
	}
	isInput := func(p string) bool {
		info, err := os.Stat(p)
		return err == nil && os.SameFile(info, input)
	}
	if isInput(at) {
		return true
	}
	if folder, err := filepath.EvalSymlinks(filepath.Dir(at)); err == nil {
		at = filepath.Join(folder, filepath.Base(at))
	}
	for parent := filepath.Dir(at); parent != at; at, parent = parent, filepath.Dir(parent) {
		if isInput(parent) {
			return true
		}
	}
	return false
}

func (o *verifyOptions) hasText() bool {
	return o.format == "text" || slices.ContainsFunc(o.files, func(f reportFile) bool { return f.form == "text" })
}

// verify verifies one archive after the other. What keeps one from being verified
// is told, and the next one comes. An error means that the reports are not whole.
func (s *session) verify(ctx context.Context, o verifyOptions) (*verify.Run, error) {
	run := &verify.Run{Version: version(), Severities: o.verify.Severities, Fails: o.fails}
	text := &verifyPage{page: page{pageOptions: pageOptions{painter: stdoutPainter(s.env), width: s.env.StdoutWidth}}, run: run, least: o.least}
	for _, r := range o.refs {
		report, err := s.verifyOne(ctx, r, o)
		if ctx.Err() != nil {
			return nil, interrupted(ctx, cmp.Or(err, ctx.Err()))
		}
		if err != nil {
			printError(s.env.Stderr, err)
		}
		run.Archives = append(run.Archives, verify.Outcome{Path: r.Path, Report: report, Err: err})
		if o.format == "text" {
			text.archive(run.Archives[len(run.Archives)-1])
			if err := text.flush(s.env.Stdout); err != nil {
				return nil, err
			}
		}
	}
	if o.format == "text" {
		text.totals()
		return run, errors.Join(text.flush(s.env.Stdout), s.writeReports(ctx, run, o))
	}
	return run, errors.Join(writeReport(s.env.Stdout, run, o.format, o.least), s.writeReports(ctx, run, o))
}

// verifyOne verifies one archive, and closes it: there may be many.
func (s *session) verifyOne(ctx context.Context, r ref.Ref, o verifyOptions) (report *verify.Report, err error) {
	one := &session{env: s.env, quiet: s.quiet, meter: s.meter, expand: s.expand, judges: true}
	defer func() {
		if closing := one.close(); closing != nil {
			report, err = nil, errors.Join(err, closing)
		}
	}()
	a, err := one.open(ctx, r)
	if err != nil {
		return nil, err
	}
	selected, err := selectors(r, o.images)
	if err != nil {
		return nil, err
	}
	images, err := a.Find(selected...)
	if err != nil {
		return nil, err
	}
	opts := o.verify
	if opts.Platforms, err = choosePlatforms(a, images, o.platforms); err != nil {
		return nil, err
	}
	bar := s.newMeter("verifying "+r.Path, verify.StoredSize(images, opts))
	defer bar.stop()
	opts.MaxExpansion, opts.Progress = s.expand, bar.add
	if report, err = verify.Archive(ctx, a, images, opts); err != nil {
		return nil, fmt.Errorf("%q: %w", a.Path, err)
	}
	return report, nil
}

// writeReports writes reports to files, the others too where one cannot be.
func (s *session) writeReports(ctx context.Context, run *verify.Run, o verifyOptions) error {
	var errs []error
	for _, f := range o.files {
		errs = append(errs, archive.WriteFile(ctx, f.path, archive.WriteOptions{Warn: s.warn}, func(w io.Writer) error {
			return writeReport(w, run, f.form, o.least)
		}))
	}
	return errors.Join(errs...)
}

// writeReport writes a whole report, without what could steer a terminal.
func writeReport(w io.Writer, run *verify.Run, form string, least verify.Severity) error {
	var out strings.Builder
	var err error
	switch form {
	case "json":
		err = verify.WriteJSON(&out, run)
	case "junit":
		err = verify.WriteJUnit(&out, run)
	case "sarif":
		err = verify.WriteSARIF(&out, run)
	default:
		return writeVerifyText(w, run, least)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, escapeJSON(out.String()))
	return err
}

// runRules lists the rules.
func runRules(c *cli.Context, env Env) error {
	if _, err := operands(c, 0, 0, "no archive beside --rules"); err != nil {
		return err
	}
	for _, flag := range c.Command.Flags {
		name := flag.Names()[0]
		if c.IsSet(name) && !slices.Contains([]string{"rules", "rule", "quiet", "progress"}, name) {
			return usageError(fmt.Sprintf("--rules prints a table, and --%s has no part in it", name), helpHint(c))
		}
	}
	severities, err := readRuleFlags(c.StringSlice("rule"))
	if err != nil {
		return err
	}
	t := &cutTable{painter: stdoutPainter(env), header: []string{"ID", "GROUP", "SEVERITY", "FINDS THAT"}}
	for _, r := range verify.Rules() {
		severity, changed := severities[r.ID]
		if !changed {
			severity = r.Severity
		}
		t.add(r.ID, r.Group, severity.String(), r.Title)
	}
	_, err = io.WriteString(env.Stdout, t.render(env.StdoutWidth))
	return err
}
