package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/imgtool/imgtool/archive"
	"github.com/imgtool/imgtool/archive/codec"
	"github.com/imgtool/imgtool/archive/ref"
	"github.com/imgtool/imgtool/convert"
	"github.com/urfave/cli/v2"
)

const convertDescription = `Copies images to another form and keeps every manifest, config and layer byte for
byte. A bare DST is a docker-archive that is an OCI layout too, and loads
everywhere; an OCI layout that is there is added to. Prints the digest of each
image that it wrote.

EXAMPLES
   imgtool convert image.tar oci:layout
   imgtool convert a.tar b.tar.gz oci:layout docker-archive:all.tar --platform linux/arm64`

func convertCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "convert",
		Aliases:     []string{"copy", "cp"},
		Usage:       "write images in another form",
		UsageText:   "imgtool convert [FLAGS] SRC... DST",
		Description: convertDescription,
		Flags: writingFlags(
			compressFlag(),
			signaturesFlag(),
			cacheFlag(),
			cacheSizeFlag(),
			&cli.StringFlag{Name: "for", Usage: "write what `TARGET` takes: " + targetNames()},
			&cli.StringFlag{Name: "as", Usage: "join all images to one of several platforms, called `NAME`"},
		),
		Action: func(c *cli.Context) error { return runConvert(c, env) },
	}
}

// writingFlags gives a command's own flags and those that every command which
// writes images has.
func writingFlags(own ...cli.Flag) []cli.Flag {
	return outputFlags(append(own,
		&cli.BoolFlag{Name: "strip-attestations", Usage: "leave out BuildKit provenance and SBOMs"},
	)...)
}

// outputFlags are writingFlags for a command that always leaves out attestations.
func outputFlags(own ...cli.Flag) []cli.Flag {
	return sharedFlags(append(own,
		&cli.StringSliceFlag{Name: "name", Aliases: []string{"tag", "t"}, Usage: "call the one image `NAME` (repeatable)"},
		outerFlag(),
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "print what would be written, and stop"},
	)...)
}

// targetNames lists the targets of --for.
func targetNames() string {
	var names []string
	for _, t := range convert.Targets() {
		names = append(names, t.Name)
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// outerFlag is what the whole file is compressed with.
func outerFlag() cli.Flag {
	return &cli.StringFlag{Name: "outer", Value: "none", Usage: "the file becomes `HOW`: none, gzip[:1-9], zstd[:1-19] or xz[:1-9]"}
}

// readOuter reads --outer.
func readOuter(c *cli.Context) (codec.Setting, error) {
	setting, err := codec.ParseOuterSetting(c.String("outer"))
	if err != nil {
		return setting, usageError("--outer: "+err.Error(), helpHint(c))
	}
	return setting, nil
}

// compressFlag is what layers that are made are compressed with.
func compressFlag() cli.Flag {
	return &cli.StringFlag{Name: "compress", Value: "keep", Usage: "layers become `HOW`: keep, none, gzip[:1-9] or zstd[:1-19]"}
}

// signaturesFlag is what becomes of signatures of what changes.
func signaturesFlag() cli.Flag {
	return &cli.StringFlag{Name: "signatures", Value: "drop", Usage: "signatures of images that change: `WHAT` to do, keep or drop"}
}

// readSignatures reads --signatures.
func (o *convertOptions) readSignatures(c *cli.Context) error {
	o.signatures = convert.SignaturePolicy(c.String("signatures"))
	switch o.signatures {
	case convert.SignaturesKeep, convert.SignaturesDrop, "":
		return nil
	}
	return usageError(fmt.Sprintf("--signatures is keep or drop, not %q", o.signatures), helpHint(c))
}

// cacheFlag is where layers are kept that were compressed.
func cacheFlag() cli.Flag {
	return &cli.StringFlag{Name: "cache", Usage: "keep compressed layers in `DIR`, and use those that are there"}
}

func cacheSizeFlag() cli.Flag {
	return &cli.StringFlag{Name: "cache-size", Value: "10GB", Usage: "the cache keeps `SIZE` at most: 500MB, 20GiB"}
}

// readCache reads --cache and --cache-size.
func (o *convertOptions) readCache(c *cli.Context) error {
	o.cacheDir = c.String("cache")
	if c.IsSet("cache") && o.cacheDir == "" {
		return usageError("--cache names no folder", helpHint(c))
	}
	if o.cacheDir == "" {
		if c.IsSet("cache-size") {
			return usageError("--cache-size is for --cache, which is not given", helpHint(c))
		}
		return nil
	}
	bytes, err := humanize.ParseBytes(c.String("cache-size"))
	if err != nil || bytes > math.MaxInt64 {
		return usageError(fmt.Sprintf("--cache-size is a size such as 500MB or 20GiB, not %q", c.String("cache-size")), helpHint(c))
	}
	o.cacheSize = int64(bytes)
	return nil
}

// readCompress reads --compress; keep is the zero value.
func readCompress(c *cli.Context) (codec.Setting, error) {
	value := c.String("compress")
	if !c.IsSet("compress") || value == "keep" {
		return codec.Setting{}, nil
	}
	setting, err := codec.ParseSetting(value)
	if err != nil {
		return setting, usageError("--compress: "+err.Error(), "it is keep, none, gzip[:1-9] or zstd[:1-19]")
	}
	return setting, nil
}

type convertOptions struct {
	sources  []ref.Ref
	to       ref.Ref
	plan     convert.Options
	compress codec.Setting
	outer    codec.Setting // of the whole file

	signatures convert.SignaturePolicy
	cacheDir   string
	cacheSize  int64

	dryRun bool
}

// readConvertFlags reads what writingFlags are, and the operands SRC... DST.
func readConvertFlags(c *cli.Context, env Env, args []string) (convertOptions, error) {
	var o convertOptions
	stdins := 0
	for _, arg := range args {
		r, err := ref.Parse(arg)
		if err != nil {
			return o, err
		}
		if r.Path == ref.Stdio {
			stdins++
		}
		o.sources = append(o.sources, r)
	}
	o.to = o.sources[len(args)-1]
	o.sources = o.sources[:len(args)-1]
	o.plan = convert.Options{
		Images:            c.StringSlice("image"),
		Platforms:         c.StringSlice("platform"),
		StripAttestations: c.Bool("strip-attestations"),
	}
	o.dryRun = c.Bool("dry-run")
	if err := o.check(env, stdins); err != nil {
		return o, err
	}
	var err error
	if o.compress, err = readCompress(c); err != nil {
		return o, err
	}
	if o.outer, err = readOuter(c); err != nil {
		return o, err
	}
	if err := archive.CheckOuter(o.to.Transport, o.outer); err != nil {
		return o, err
	}
	if err := errors.Join(o.readTarget(c), o.readCache(c), o.readSignatures(c)); err != nil {
		return o, err
	}
	o.plan.Names, err = o.names(c.StringSlice("name"))
	if err == nil && o.plan.As != "" && len(o.plan.Names) > 0 {
		return o, usageError("--as names the image, and --name or DST does so too", "name it in one place")
	}
	return o, err
}

// readTarget reads --for and --as.
func (o *convertOptions) readTarget(c *cli.Context) (err error) {
	if name := c.String("for"); name != "" {
		if o.plan.For, err = convert.TargetByName(name); err != nil {
			return usageError("--for: "+err.Error(), helpHint(c))
		}
		if err := o.plan.For.CheckOuter(o.outer.Compression); err != nil {
			return usageError("--outer: "+err.Error(), helpHint(c))
		}
		if o.compress.Compression != "" && !slices.Contains(o.plan.For.Layers, o.compress.Compression) {
			return usageError(fmt.Sprintf("--compress: %s takes no layers in %s", name, o.compress.Compression), helpHint(c))
		}
	}
	if c.IsSet("as") {
		o.plan.As, err = archive.ParseName(c.String("as"))
	}
	return err
}

// check refuses what contradicts itself.
func (o *convertOptions) check(env Env, stdios int) error {
	if o.to.Path == ref.Stdio {
		stdios--
		if env.StdoutWidth > 0 && !o.dryRun {
			return usageError("standard output is a terminal, no place for an archive", "redirect it, or name a file")
		}
	}
	if stdios > 1 {
		return usageError("standard input can be read once", "name a file for the other source")
	}
	chosen := func(r ref.Ref) bool { return r.Image != "" }
	if len(o.plan.Images) > 0 && !slices.ContainsFunc(o.sources, func(r ref.Ref) bool { return !chosen(r) }) {
		return usageError(fmt.Sprintf("SRC names image %q, and --image another", o.sources[0].Image), "choose in one place")
	}
	return nil
}

// names gives what the image is to be called, by --name or by DST. What follows
// the path of an OCI layout stands as it is, as in containers-transports(5).
func (o *convertOptions) names(flags []string) ([]archive.Name, error) {
	switch {
	case o.to.Image != "" && len(flags) > 0:
		return nil, usageError(fmt.Sprintf("DST names the image %q, and --name does so too", o.to.Image), "name it in one place")
	case o.to.Image != "" && (o.to.Transport == ref.OCI || o.to.Transport == ref.OCIArchive):
		return []archive.Name{archive.Name(o.to.Image)}, nil
	case o.to.Image != "":
		flags = []string{o.to.Image}
	}
	var names []archive.Name
	for _, flag := range flags {
		name, err := archive.ParseName(flag)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func runConvert(c *cli.Context, env Env) error {
	args, err := operands(c, 2, -1, "one or more SRC and a DST")
	if err != nil {
		return err
	}
	o, err := readConvertFlags(c, env, args)
	if err != nil {
		return err
	}
	return withSession(c, env, func(s *session) error { return s.convert(c.Context, o) })
}

func (s *session) convert(ctx context.Context, o convertOptions) error {
	sources, err := s.openSources(ctx, o.sources)
	if err != nil {
		return err
	}
	if o.compress != (codec.Setting{}) || o.plan.For != nil {
		return s.recompress(ctx, sources, o)
	}
	return s.copy(ctx, sources, o)
}

// copy carries images over as they are.
func (s *session) copy(ctx context.Context, sources []convert.Source, o convertOptions) error {
	plan, err := convert.NewPlan(sources, o.to, o.plan)
	if err != nil {
		return err
	}
	return s.carryOut(ctx, plan, o)
}

// carryOut tells what there is to say of a plan, and runs it.
func (s *session) carryOut(ctx context.Context, plan *convert.Plan, o convertOptions) error {
	for _, note := range plan.Notes {
		s.warn(note)
	}
	if o.dryRun {
		return printPlan(s.env.Stdout, plan)
	}
	if err := s.write(ctx, plan, o); err != nil {
		return err
	}
	return printDigests(s.env, plan)
}

func (s *session) openSources(ctx context.Context, refs []ref.Ref) ([]convert.Source, error) {
	var sources []convert.Source
	for _, r := range refs {
		a, err := s.open(ctx, r)
		if err != nil {
			return nil, err
		}
		sources = append(sources, convert.Source{Archive: a, Image: r.Image})
	}
	return sources, nil
}

func (s *session) write(ctx context.Context, plan *convert.Plan, o convertOptions) error {
	bar := s.newMeter("writing "+plan.To.Path, plan.Content.TotalSize())
	err := plan.Run(ctx, archive.WriteOptions{
		Stdout:   s.env.Stdout,
		Outer:    o.outer,
		Warn:     func(m string) { bar.stop(); s.warn(m) },
		Progress: bar.add,
	})
	bar.stop()
	return interrupted(ctx, err)
}

// printDigests prints the digest of each image alone on a line, unless standard
// output is the archive itself.
func printDigests(env Env, plan *convert.Plan) error {
	if plan.To.Path == ref.Stdio {
		return nil
	}
	for _, image := range plan.Content.Images {
		if _, err := fmt.Fprintln(env.Stdout, image.Descriptor.Digest); err != nil {
			return err
		}
	}
	return nil
}

// printPlan tells what convert would write.
func printPlan(w io.Writer, plan *convert.Plan) error {
	c := plan.Content
	_, err := fmt.Fprintf(w, "would write %s: %s, %s, %s\n", plan.To, plural(len(c.Images), "image"), plural(len(c.Blobs), "blob"), size(c.TotalSize()))
	for _, image := range c.Images {
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, line(fmt.Sprintf("%s %s %s", image.Descriptor.Digest, image.Kind(), archive.JoinNames(image.Names))))
	}
	for _, blob := range c.Blobs {
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "  %s %12d %s\n", blob.Descriptor.Digest, blob.Descriptor.Size, line(blob.Descriptor.MediaType))
	}
	return err
}
