package hostile

import "strings"

// metadataCases are attributes of files that do harm or cannot be.
func metadataCases() []Case {
	var out []Case
	add := func(name, about string, ids []string, parts ...string) {
		host := name == "acl" || name == "capability" || strings.HasPrefix(name, "xattr")
		out = append(out, Case{Name: "metadata-" + name, About: about, Rules: rules(ids...), Host: host, write: over(parts...).write})
	}
	mode := func(m string) put { return put{atMode, m + "\x00"} }
	add("setuid", "a setuid file of root; it is worth knowing.", []string{"SETUID"}, entry('0', "su", "x", mode("0004755")))
	add("setgid-folder", "a setgid folder, which is common.", nil, entry('5', "d/", "", mode("0002755")))
	add("sticky-file", "a file with the sticky bit, which means nothing.", nil, entry('0', "a", "x", mode("0001644")))
	add("world-writable", "a file and a folder that anybody may write to.", []string{"WORLD-WRITABLE"}, entry('0', "a", "x", mode("0000666")), entry('5', "d/", "", mode("0000777")))
	add("device", "a device node of the machine's disk.", []string{"DEVICE-NODE"}, entry('4', "disk", "", put{atMajor, octal(7, 8)}, put{atMinor, octal(7, 0)}))
	add("device-memory", "a device node of the machine's memory that anybody may write to.", []string{"DEVICE-NODE"}, entry('3', "mem", "", mode("0000666"), put{atMajor, octal(7, 1)}, put{atMinor, octal(7, 1)}))
	add("pipe", "a named pipe; nothing waits for it.", nil, entry('6', "pipe", ""))
	add("capability", "a file capability with NUL bytes; it is kept.", nil, pax('x', "SCHILY.xattr.security.capability", "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), file("ping", "x"))
	add("xattr-without-name", "an extended attribute without a name.", nil, pax('x', "SCHILY.xattr.", "x"), file("a", "x"))
	add("xattr-nul", "an extended attribute with a NUL in its name.", nil, pax('x', "SCHILY.xattr.user.a\x00b", "x"), file("a", "x"))
	add("xattr-equals", "an extended attribute whose PAX key holds an equals sign.", nil, paxText('x', paxRecord("SCHILY.xattr.user.a", "b=c=d")), file("a", "x"))
	add("xattr-long-name", "an extended attribute of a name of 300 bytes, more than Linux takes.", nil, pax('x', "SCHILY.xattr.user."+strings.Repeat("n", 295), "x"), file("a", "x"))
	add("xattr-large", "an extended attribute of 70,000 bytes, more than Linux takes.", nil, pax('x', "SCHILY.xattr.user.large", strings.Repeat("v", 70_000)), file("a", "x"))
	add("xattr-unknown-namespace", "an extended attribute of no known name space.", nil, pax('x', "SCHILY.xattr.nonsense", "x"), file("a", "x"))
	add("xattr-trusted", "an attribute that makes a folder opaque for overlayfs, which means nothing in a layer.", nil, pax('x', "SCHILY.xattr.trusted.overlay.opaque", "y"), dir("etc"))
	add("xattr-redirect", "an attribute that sends overlayfs to another folder, which means nothing in a layer.", nil, pax('x', "SCHILY.xattr.trusted.overlay.redirect", "/../../etc"), dir("d"))
	add("xattr-selinux", "an attribute of SELinux, which is common.", nil, pax('x', "SCHILY.xattr.security.selinux", "system_u:object_r:bin_t:s0\x00"), file("a", "x"))
	add("xattr-libarchive", "an attribute in libarchive's form; it is read.", nil, pax('x', "LIBARCHIVE.xattr.user.a", "aGVsbG8"), file("a", "x"))
	add("xattr-libarchive-broken", "an attribute in libarchive's form that is no base 64.", nil, pax('x', "LIBARCHIVE.xattr.user.a", "***"), file("a", "x"))
	add("xattr-libarchive-nul", "an attribute in libarchive's form with a NUL in its name.", nil, pax('x', "LIBARCHIVE.xattr.user.a%00b", "aGVsbG8"), file("a", "x"))
	add("xattr-of-symlink", "an attribute of a symlink, which Linux takes of some name spaces alone.", nil, pax('x', "SCHILY.xattr.user.a", "x"), symlink("l", "etc"))
	add("xattr-rootless", "an attribute that says who owns a file, as unpack writes it.", nil, pax('x', "SCHILY.xattr.user.rootlesscontainers", "\x08\x00"), file("a", "x"))
	add("xattrs-many", "3,000 attributes of one file.", nil, manyXattrs(3000), file("a", "x"))
	add("acl", "an access list that is no list.", nil, pax('x', "SCHILY.acl.access", "nonsense", "SCHILY.xattr.system.posix_acl_access", "x"), file("a", "x"))
	add("unknown-records", "PAX records that nobody knows.", nil, pax('x', "VENDOR.key", "v", "comment", "c"), file("a", "x"))
	add("duplicate-file", "one path twice in one layer, with different content; the last one counts.", []string{"DUPLICATE-ENTRY"}, file("a", "first"), file("a", "second!"))
	add("duplicate-same", "one path twice in one layer, with the same content.", nil, file("a", "x"), file("a", "x"))
	add("duplicate-spelled-otherwise", "one path in four spellings; the last one counts.", []string{"DUPLICATE-ENTRY"}, file("a/b", "1"), file("./a/b", "22"), file("/a//b", "333"), file("a/./b", "4444"))
	add("duplicate-type", "one path as a file, a folder, a symlink and a file again.", nil, file("a", "x"), dir("a"), symlink("a", "etc"), file("a", "y"))
	add("case-collision", "two paths that differ in case alone.", []string{"CASE-COLLISION"}, file("Readme", "x"), file("README", "y"))
	return out
}

func manyXattrs(n int) string {
	var pairs []string
	for i := range n {
		pairs = append(pairs, "SCHILY.xattr.user.n"+octal(5, int64(i))[:5], "v")
	}
	return pax('x', pairs...)
}
