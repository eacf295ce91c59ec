package diff

import (
	"fmt"
	"slices"
	"strings"
)

// Options says what to compare, and how. The zero value compares everything but
// the text of files.
type Options struct {
	// Ignore has words of [Words]; what they name counts as the same.
	Ignore []string
	// Paths are patterns that limit the filesystem level, and sizes with it: what
	// one matches, from the root on, counts with all below. `*` and `?` match
	// within a name, `**` matches names. None is no limit.
	Paths []string
	// Content adds a unified diff of changed text files.
	Content bool
	// Jobs is how many layers are read at once. Zero means GOMAXPROCS.
	Jobs int
	// MaxExpansion is as in [archive.StackOptions].
	MaxExpansion int64
	// TempDir holds temporary files. Empty means [os.TempDir].
	TempDir string
	// Progress is told the stored bytes read since its last call, from several
	// goroutines. Nil means that nobody wants to know.
	Progress func(int64)
}

// Word is something that can be ignored.
type Word struct {
	Name string
	// Means says what is ignored, in one line.
	Means string
	// Semantic says that the word belongs to the set of [Semantic].
	Semantic bool
}

// words are all words. Their order is that of help.
var words = []Word{
	{"names", "names of images", true},
	{"annotations", "annotations of descriptors, manifests and indexes", true},
	{"index", "indexes as documents, attestations, artifacts and referrers", true},
	{"platforms", "platforms that one side lacks, and os, architecture and the like", false},
	{"manifest", "fields of the manifest but media types", false},
	{"mediatypes", "media types of documents and layers", true},
	{"config", "the whole config but history", false},
	{"created", "when the image and its steps were created", true},
	{"tool", "config fields that nothing runs by: author, docker_version, container...", true},
	{"empty", "fields that are empty on one side and absent on the other", true},
	{"history", "steps of the history", true},
	{"layers", "how the filesystem is cut into layers", true},
	{"compression", "digests, sizes and media types of layers with one diffID", true},
	{"order", "order of lists that mean a set (Env), and how JSON is spelled", true},
	{"files", "the merged filesystem, which then is not read", false},
	{"times", "times of files", true},
	{"owner", "owners of files", false},
	{"ownernames", "names of owners beside their numbers", true},
	{"mode", "permission bits of files", false},
	{"xattrs", "extended attributes of files", false},
	{"records", "further PAX records of files", true},
	{"packages", "installed packages", false},
}

// Words gives all words for [Options.Ignore].
func Words() []Word { return slices.Clone(words) }

// Semantic gives the words that leave what makes an image the same for who runs
// it: the config that counts at run time, and files with their mode, owner,
// content, links and extended attributes.
func Semantic() []string {
	var names []string
	for _, w := range words {
		if w.Semantic {
			names = append(names, w.Name)
		}
	}
	return names
}

// wordNames gives the names of all words.
func wordNames() []string {
	var names []string
	for _, w := range words {
		names = append(names, w.Name)
	}
	return names
}

// check refuses unknown words and patterns that cannot be.
func (o Options) check() error {
	for _, name := range o.Ignore {
		if !slices.Contains(wordNames(), name) {
			return fmt.Errorf("nothing is called %q that could be ignored; there are %s", name, strings.Join(wordNames(), ", "))
		}
	}
	return checkPatterns(o.Paths)
}

// ignored gives the words in force, sorted, each once.
func (o Options) ignored() []string {
	out := slices.Clone(o.Ignore)
	slices.Sort(out)
	return append([]string{}, slices.Compact(out)...)
}

// ignores reports that a word is in force.
func (o Options) ignores(word string) bool { return slices.Contains(o.Ignore, word) }

// ignoredAspects are what counts as the same between two files.
func (o Options) ignoredAspects() Aspects {
	var a Aspects
	for word, aspects := range map[string]Aspects{
		"times": AspectTimes, "owner": AspectOwner | AspectOwnerNames, "ownernames": AspectOwnerNames,
		"mode": AspectMode, "xattrs": AspectXattrs, "records": AspectRecords,
	} {
		if o.ignores(word) {
			a |= aspects
		}
	}
	return a
}
