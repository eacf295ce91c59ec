package layer_test

import "github.com/imgtool/imgtool/archive/layer"

// capability is what setcap writes for cap_net_bind_service=ep: a value with NUL
// bytes.
const capability = `\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00`

// metadataCases are about attributes.
var metadataCases = []layerCase{
	{
		name: "file capabilities",
		layers: `
layer
  file a 1 mode=0755 "xattr.security.capability=` + capability + `"
layer
  file b 2
`,
		want: `
file a "1" mode=0755 "xattr.security.capability=` + capability + `"
file b "2"
`,
	},
	{
		name: "file capabilities and a new owner",
		layers: `
layer
  file a 1 mode=04755 uid=5 gid=6 "xattr.security.capability=` + capability + `"
  hardlink b a mode=04755 uid=5 gid=6
`,
		want: `
file a "1" mode=4755 uid=5 gid=6 "xattr.security.capability=` + capability + `"
hardlink b a
`,
		differs: by(whyCapability, docker),
	},
	{
		name: "extended attributes with any bytes",
		layers: `
layer
  file a 1 "xattr.user.bytes=\x00\x01=\n\xff\x00" xattr.user.empty=
  dir d "xattr.user.x=a b"
`,
		want: `
file a "1" "xattr.user.bytes=\x00\x01=\n\xff\x00" xattr.user.empty=
dir d "xattr.user.x=a b"
`,
		differs: by(whyXattrs, umoci),
	},
	{
		name: "extended attributes of libarchive",
		layers: `
layer
  file a 1 pax.LIBARCHIVE.xattr.user.x=AAEC pax.LIBARCHIVE.xattr.user.y%20z=eHk=
  file b 2 pax.LIBARCHIVE.xattr.user.x=AAEC xattr.user.x=star
`,
		want: `
file a "1" "xattr.user.x=\x00\x01\x02" "xattr.user.y z=xy"
file b "2" xattr.user.x=star
`,
		differs: by(whyXattrs, umoci),
	},
	{
		name: "extended attributes with an equals sign in the name",
		layers: `
layer
  file a 1 pax.LIBARCHIVE.xattr.user.k%3Dv=eHk
`,
		want: `
file a "1" pax.LIBARCHIVE.xattr.user.k%3Dv=eHk
`,
	},
	{
		name: "extended attributes of libarchive that are damaged",
		layers: `
layer
  file a 1 "pax.LIBARCHIVE.xattr.user.x=not base 64!" pax.LIBARCHIVE.xattr.user.%zz=AAEC
`,
		want: `
file a "1" pax.LIBARCHIVE.xattr.user.%zz=AAEC "pax.LIBARCHIVE.xattr.user.x=not base 64!"
`,
	},
	{
		name: "an upper entry replaces extended attributes of a file",
		layers: `
layer
  file a 1 xattr.user.a=1 xattr.user.b=2
  file b 1 xattr.user.a=1
layer
  file a 2 xattr.user.b=3
  file b 2
`,
		want: `
file a "2" xattr.user.b=3
file b "2"
`,
	},
	{
		name: "an upper entry replaces extended attributes of a folder",
		layers: `
layer
  dir d xattr.user.a=1 xattr.user.b=2
  dir e xattr.user.a=1
layer
  dir d xattr.user.b=3
  dir e
`,
		want: `
dir d xattr.user.b=3
dir e
`,
	},
	{
		name: "extended attributes stay without an entry",
		layers: `
layer
  dir d xattr.user.a=1
  file d/f 1 xattr.user.b=2
layer
  dir d xattr.user.a=1
  file d/g 2
layer
  file h 3
`,
		want: `
dir d xattr.user.a=1
file d/f "1" xattr.user.b=2
file d/g "2"
file h "3"
`,
	},
	{
		name: "times to the nanosecond",
		layers: `
layer
  file a 1 mtime=1700000000.123456789
  file b 2 mtime=1.000000001
  symlink s a mtime=1700000000.5
`,
		want: `
file a "1" mtime=1700000000.123456789
file b "2" mtime=1.000000001
symlink s a mtime=1700000000.5
`,
	},
	{
		name: "times before 1970",
		layers: `
layer
  file a 1 mtime=-1
  file b 2 mtime=-100000.25
  file c 3 mtime=0
  file d 4 mtime=-0.5
`,
		want: `
file a "1" mtime=-1
file b "2" mtime=-100000.25
file c "3" mtime=0
file d "4" mtime=-0.5
`,
		differs: by(whyTimes, podman, docker),
	},
	{
		name: "times beyond 33 bits",
		layers: `
layer
  file a 1 mtime=8589934592
  file b 2 mtime=9000000000.25
`,
		want: `
file a "1" mtime=8589934592
file b "2" mtime=9000000000.25
`,
	},
	{
		name: "times that no disk holds",
		layers: `
layer
  file a 1 mtime=253402300799 format=pax
  file b 2 mtime=-9223372036854775807 format=gnu
`,
		want: `
file a "1" mtime=253402300799
file b "2" mtime=-9223372036854775807
`,
		differs: by(whyFarTimes, umoci, podman, docker),
	},
	{
		name: "the time that means none to archive/tar",
		layers: `
layer
  file a 1 mtime=-62135596800 format=gnu
`,
		want: `file a "1" mtime=0`,
	},
	{
		name: "owners beyond 21 bits",
		layers: `
layer
  file a 1 uid=2097152 gid=2097153
  dir d uid=2000000000 gid=2147483647
  file b 2 uid=65534 gid=2000000000 format=gnu
`,
		want: `
file a "1" uid=2097152 gid=2097153
file b "2" uid=65534 gid=2000000000
dir d uid=2000000000 gid=2147483647
`,
	},
	{
		name:    "owner below zero",
		layers:  rawLayer(rawEntry(gnuMagic, '0', "a", "", field(atUID, base256(8, -5))), tarEnd),
		wantErr: layer.ErrMalformed,
		differs: by(whyNegative, umoci, podman, docker),
	},
	{
		name:    "device number below zero",
		layers:  rawLayer(rawEntry(gnuMagic, '3', "a", "", field(atMajor, base256(8, -5))), tarEnd),
		wantErr: layer.ErrMalformed,
		differs: by(whyNegative, umoci, podman, docker),
	},
	{
		name: "names of owners",
		layers: `
layer
  file a 1 uname=root gname=wheel
  dir d uid=1 gid=2 uname=daemon "gname=a group with a long name and spaces in it"
`,
		want: `
file a "1" gname=wheel uname=root
dir d uid=1 gid=2 "gname=a group with a long name and spaces in it" uname=daemon
`,
	},
	{
		name: "mode bits",
		layers: `
layer
  file a 1 mode=04755
  file b 2 mode=02755
  file c 3 mode=0
  dir d mode=01777
  dir e mode=02750
  file f 4 mode=0100640
  dir g mode=040711
  file h 5 mode=06777 uid=5 gid=6
`,
		want: `
file a "1" mode=4755
file b "2" mode=2755
file c "3" mode=0000
dir d mode=1777
dir e mode=2750
file f "4" mode=0640
dir g mode=0711
file h "5" mode=6777 uid=5 gid=6
`,
	},
	{
		name: "further PAX records",
		layers: `
layer
  file a 1 "pax.comment=a\nb\x00c" pax.SCHILY.fflags=nodump pax.VENDOR.key=value
  symlink s a pax.VENDOR.key=value
`,
		want: `
file a "1" pax.SCHILY.fflags=nodump pax.VENDOR.key=value "pax.comment=a\nb\x00c"
symlink s a pax.VENDOR.key=value
`,
	},
	{
		name: "times of access and change",
		layers: rawLayer(
			paxHeader('x', paxRecord("atime", "1.5"), paxRecord("ctime", "2.5"), paxRecord("mtime", "3.5")),
			rawEntry(ustarMagic, '0', "a", "1"), tarEnd),
		want: `file a "1" mtime=3.5 atime=1.5 ctime=2.5`,
	},
}
