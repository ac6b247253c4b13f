#!/bin/bash
# Makes what is released, below DIR, from the source around it: `make dist`. It needs Go, and what every Debian has; the same source
# makes the same bytes, wherever and whenever.
#
#	packaging/dist.sh DIR VERSION TIME [OS-ARCH]     TIME: of the commit, in seconds since 1970; OS-ARCH: that one alone
set -euo pipefail
cd "$(dirname "$0")/.."

out=$1 version=$2 only=${4-}
export SOURCE_DATE_EPOCH=$3 TZ=UTC LC_ALL=C CGO_ENABLED=0
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out" && mkdir -p "$out"
out=$(realpath "$out")

# A package's version begins with a digit and grows: v1.2.3-4-gabc is 1.2.3+4.gabc, v1.2.3-rc1 is 1.2.3~rc1, a bare commit
# 0~DATE.COMMIT. Those of Alpine are 1.2.3_p4, 1.2.3_rc1 and 0_gitDATE.
plain=${version#v}
case $plain in
[0-9]*.*) plain=$(echo "$plain" | sed -E 's/-(alpha|beta|rc)/~\1/; s/-/+/; s/-/./g') ;;
*) plain=0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(echo "$plain" | tr - .) ;;
esac
alpine=$(echo "$plain" | sed -E 's/~([0-9]+).*/_git\1/; s/~([a-z]+)\.?/_\1/; s/\+([0-9]+).*/_p\1/; s/\+.*//')

compile() { # OS ARCH FILE
	GOOS=$1 GOARCH=$2 GOFLAGS=-buildvcs=false packaging/compile "$3" "-buildid= -X main.version=$version \
-X main.commit=$(git rev-parse HEAD 2>/dev/null || true) -X main.built=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)"
}

# example is the configuration that is installed: as printed, but nobody's SIP address.
example() { go run -trimpath -tags nethttpomithttp2 -gcflags=all=-l ./cmd/agent config example | sed 's/^sip_address/#sip_address/'; }

# licences are the terms of everything that is linked in.
licences() {
	go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/agent | sort -u |
		while read -r path tag dir; do
			printf '== %s %s\n\n' "$path" "$tag"
			cat "$dir"/LICENSE* "$dir"/COPYING* 2>/dev/null || true
			echo
		done
}

tarball() { # FILE DIR ENTRIES...: the same bytes for the same files
	local file=$1 dir=$2
	shift 2
	tar --directory="$dir" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -c "$@" | gzip -9n >"$file"
}

# shared lays out what is the same for every kind of machine.
shared() { # DIR
	local doc=$1/usr/share/doc/homeward page
	mkdir -p "$doc"
	example >"$1/homeward.toml"
	licences >"$doc/THIRD_PARTY"
	cp docs/*.md docs/fleet.schema.json CHANGELOG.md "$doc"
	sed 's|](docs/|](|g' README.md >"$doc/README.md" # the pages of docs are beside it
	cp -r packaging/examples packaging/metrics packaging/fleet "$doc"
	for page in packaging/man/*.[1-8]; do
		mkdir -p "$1/usr/share/man/man${page##*.}"
		gzip -9n <"$page" >"$1/usr/share/man/man${page##*.}/${page##*/}.gz"
	done
	install -D -m 644 packaging/completion/homeward.bash "$1/usr/share/bash-completion/completions/homeward"
	install -D -m 644 packaging/completion/homeward.fish "$1/usr/share/fish/vendor_completions.d/homeward.fish"
	gzip -9n >"$1/changelog.gz" <<-C
		homeward ($plain) unstable; urgency=medium

		  * What has changed is in CHANGELOG.md, beside this file.

		 -- The homeward authors <homeward@users.noreply.invalid>  $(date -u -d "@$SOURCE_DATE_EPOCH" -R)
	C
	chmod -R u=rwX,go=rX "$1"
}

package() { # deb|rpm|apk|ipk VERSION ARCH BINARY
	[ "$3" = - ] || (cd "$work" && VERSION=$2 ARCH=$3 BINARY=$4 "$nfpm" package --config packaging/nfpm.yaml --packager "$1" --target "$out" >/dev/null)
}

# What goes into packages lies in one place, and has the time of the commit.
cp -r packaging LICENSE "$work"
shared "$work/share"
find "$work" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
nfpm=$(go tool -modfile=packaging/nfpm.mod -n nfpm)
while read -r os arch deb rpm apk ipk; do
	[ -z "$only" ] || [ "$only" = "$os-$arch" ] || continue
	name=homeward-$version-$os-$arch
	binary=$work/$name/homeward
	[ "$os" = windows ] && binary+=.exe
	compile "$os" "$arch" "$binary"
	go run -trimpath ./packaging/sbom "$binary" "$version" >"$out/$name.cdx.json"
	cp LICENSE NOTICE CHANGELOG.md "$work/share/homeward.toml" "$work/share/usr/share/doc/homeward/THIRD_PARTY" "$work/$name"
	[ "$os" != windows ] || sed 's/$/\r/' packaging/windows/INSTALL.txt >"$work/$name/INSTALL.txt"
	find "$work/$name" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
	if [ "$os" = windows ]; then
		go run -trimpath ./packaging/zip "$out/$name.zip" "$work/$name"
	else
		tarball "$out/$name.tar.gz" "$work" "$name"
	fi
	package deb "$plain" "$deb" "$binary"
	package rpm "$plain" "$rpm" "$binary"
	package apk "$alpine" "$apk" "$binary"
	package ipk "$plain" "$ipk" "$binary"
done <<'ALL'
linux amd64 amd64 x86_64 x86_64 x86_64
linux arm64 arm64 aarch64 aarch64 aarch64_generic
linux arm armhf armv7hl armv7 arm_cortex-a7
linux mipsle mipsel - - mipsel_24kc
linux riscv64 riscv64 riscv64 riscv64 riscv64_riscv64
windows amd64 - - - -
darwin arm64 - - - -
freebsd amd64 - - - -
ALL
(cd "$out" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
