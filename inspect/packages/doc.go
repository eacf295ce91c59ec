// Package packages tells which software packages a merged filesystem holds, from
// the databases of package managers and the metadata that installers leave.
//
//	dpkg    var/lib/dpkg/status and the files of var/lib/dpkg/status.d (distroless)
//	apk     lib/apk/db/installed and usr/lib/apk/db/installed
//	rpm     Packages (Berkeley DB), Packages.db (ndb) and rpmdb.sqlite in var/lib/rpm
//	        and usr/lib/sysimage/rpm
//	python  *.dist-info/METADATA, *.egg-info/PKG-INFO and *.egg-info in any folder
//	        site-packages or dist-packages
//	npm     package.json of each folder in node_modules, anywhere
//	go      build information of executables: the main module, what it depends on,
//	        and the standard library as the module "stdlib"
//
// The databases of rpm are read here, as sections of a file: nothing of them is
// executed or written, and what they say of lengths is believed up to a limit.
package packages
