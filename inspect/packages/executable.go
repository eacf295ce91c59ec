package packages

import (
	"bufio"
	"bytes"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"strings"
)

// magics are what programs begin with: ELF, PE, and Mach-O in both byte orders,
// of 32 and 64 bits, and for several machines.
var magics = [][]byte{
	[]byte("\x7fELF"), []byte("MZ"),
	{0xfe, 0xed, 0xfa, 0xce}, {0xfe, 0xed, 0xfa, 0xcf}, {0xce, 0xfa, 0xed, 0xfe}, {0xcf, 0xfa, 0xed, 0xfe},
	{0xca, 0xfe, 0xba, 0xbe}, {0xca, 0xfe, 0xba, 0xbf},
}

// maxTables is how much of an executable is read for its build information. The
// linker puts that at the start of the data, and tables take a few KiB.
const maxTables = 4 << 20

// parseExecutable reads what `go version -m` tells of an executable. Anything
// else tells of no packages; so does what has no build information that can be
// read, which is the same for all that can be told.
func parseExecutable(f *finder, in *input, add add) error {
	r := bufio.NewReaderSize(in, 4<<10)
	head, err := r.Peek(4)
	if err != nil && in.err != nil || !isExecutable(head) {
		return in.err
	}
	if in.size > maxExecutable {
		return tooLarge("an executable", in.size, maxExecutable)
	}
	program, err := f.hold.take(in, r)
	if err != nil {
		return err
	}
	program.limited, program.left = true, maxTables
	info, err := buildInfo(program)
	if err != nil || info == nil {
		return err
	}
	return addModules(info, add)
}

func isExecutable(head []byte) bool {
	for _, magic := range magics {
		if bytes.HasPrefix(head, magic) {
			return true
		}
	}
	return false
}

// buildInfo gives the build information of a program, nil where it has none. The
// library that reads it makes no promise about hostile programs.
func buildInfo(program *file) (info *debug.BuildInfo, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("read build information: %v", fault)
		}
	}()
	info, err = buildinfo.Read(program)
	if err != nil {
		return nil, program.in.err
	}
	return info, nil
}

func addModules(info *debug.BuildInfo, add add) error {
	if info.GoVersion != "" {
		if err := add("stdlib", info.GoVersion, ""); err != nil {
			return err
		}
	}
	if info.Main.Path != "" {
		if err := addModule(&info.Main, add); err != nil {
			return err
		}
	}
	for _, m := range info.Deps {
		if err := addModule(m, add); err != nil {
			return err
		}
	}
	return nil
}

// addModule takes a module, or the one that was built in its place. A folder in
// its place has no name of its own.
func addModule(m *debug.Module, add add) error {
	switch by := m.Replace; {
	case by == nil:
		return add(m.Path, m.Version, "")
	case strings.HasPrefix(by.Path, "."), strings.HasPrefix(by.Path, "/"):
		return add(m.Path, by.Version, "")
	default:
		return add(by.Path, by.Version, "")
	}
}
