#!/bin/bash
# Makes what is released, below DIR, from the source around it: `make dist`. It needs Go and a Debian system; the same
# source makes the same bytes, wherever and whenever.
#
#	packaging/dist.sh DIR VERSION TIME [OS-ARCH]     TIME: of the commit, in seconds since 1970; OS-ARCH: that one alone
set -euo pipefail
cd "$(dirname "$0")/.."

out=$1 version=$2 only=${4-}
export SOURCE_DATE_EPOCH=$3 TZ=UTC LC_ALL=C CGO_ENABLED=0 GOARM=7 GOMIPS=softfloat
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out" && mkdir -p "$out"
out=$(realpath "$out")

# A package's version begins with a digit and grows: v1.2.3-4-gabc is 1.2.3+4.gabc, a bare commit 0~DATE.COMMIT.
plain=${version#v}
case $plain in
[0-9]*.*) plain=$(echo "$plain" | sed 's/-/+/; s/-/./g') ;;
*) plain=0~$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).$(echo "$plain" | tr - .) ;;
esac

compile() { # OS ARCH FILE
	GOOS=$1 GOARCH=$2 go build -trimpath -gcflags=all=-l -buildvcs=false -o "$3" -ldflags "-s -w -buildid= -X main.version=$version \
-X main.commit=$(git rev-parse HEAD 2>/dev/null || true) -X main.built=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" ./cmd/agent
}

# example is the configuration that is installed: as printed, but nobody's SIP address.
example() { go run ./cmd/agent config example | sed 's/^sip_address/#sip_address/'; }

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

# common lays out what every package of a Unix has.
common() { # TREE BINARY
	install -D -m 755 "$2" "$1/usr/bin/homeward"
	install -D -m 644 "$work/homeward.toml" "$1/etc/homeward/homeward.toml"
	install -D -m 755 packaging/hooks/homeward-dhcp-hook "$1/usr/lib/homeward/homeward-dhcp-hook"
	install -D -m 755 packaging/hooks/homeward-dhcp-hook "$1/usr/lib/homeward/homeward-dhcp-hook"
}

documents() { # TREE
	local doc=$1/usr/share/doc/homeward page
	mkdir -p "$doc"
	install -m 644 docs/reasons.md docs/device-order.md "$work/THIRD_PARTY" "$doc"
	gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
	{
		printf 'homeward\n\n'
		cat NOTICE
		printf '\nLicence: Apache-2.0; on Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\nWhat is linked in has terms of its own: THIRD_PARTY.\n'
	} >"$doc/copyright"
	for page in packaging/man/*.[1-8]; do
		[ -e "$page" ] || continue
		mkdir -p "$1/usr/share/man/man${page##*.}"
		gzip -9n <"$page" >"$1/usr/share/man/man${page##*.}/${page##*/}.gz"
	done
	local to
	for to in homeward.bash:bash-completion/completions/homeward _homeward:zsh/vendor-completions/_homeward homeward.fish:fish/vendor_completions.d/homeward.fish; do
		[ -e "packaging/completion/${to%%:*}" ] && install -D -m 644 "packaging/completion/${to%%:*}" "$1/usr/share/${to#*:}"
	done
	return 0
}

deb() { # ARCH BINARY
	local tree=$work/deb-$1
	common "$tree" "$2"
	documents "$tree"
	install -D -m 644 packaging/systemd/homeward.service "$tree/usr/lib/systemd/system/homeward.service"
	mkdir "$tree/DEBIAN"
	install -m 755 packaging/deb/{postinst,prerm,postrm} "$tree/DEBIAN"
	echo /etc/homeward/homeward.toml >"$tree/DEBIAN/conffiles"
	(cd "$tree" && find etc usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
	cat >"$tree/DEBIAN/control" <<-C
		Package: homeward
		Version: $plain
		Architecture: $1
		Maintainer: The homeward authors <homeward@users.noreply.invalid>
		Installed-Size: $(find "$tree/etc" "$tree/usr" -type f -printf '%s\n' | awk '{ n += $1 } END { print int(n / 1024) }')
		Depends: passwd
		Recommends: ca-certificates
		Section: net
		Priority: optional
		Homepage: https://github.com/homeward-agent/homeward
		Description: finds the SIP Registrar of this device
		 The provisioning agent of a phone or appliance. It looks for a Lync or Skype
		 for Business Registrar through DNS and DHCP in the Lync device order, registers
		 with it, and keeps the last good one for the day when DNS and DHCP fail.
	C
	find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
	dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$tree" "$out/homeward_${plain}_$1.deb" >/dev/null
}

ipk() { # ARCH BINARY
	local tree=$work/ipk-$1
	common "$tree/data" "$2"
	install -D -m 755 packaging/procd/homeward "$tree/data/etc/init.d/homeward"
	mkdir "$tree/control"
	install -m 755 packaging/ipk/{postinst,prerm} "$tree/control"
	echo /etc/homeward/homeward.toml >"$tree/control/conffiles"
	cat >"$tree/control/control" <<-C
		Package: homeward
		Version: $plain
		Architecture: $1
		Maintainer: The homeward authors <homeward@users.noreply.invalid>
		Section: net
		Priority: optional
		License: Apache-2.0
		Description: finds the SIP Registrar of this device
	C
	echo 2.0 >"$tree/debian-binary"
	tarball "$tree/data.tar.gz" "$tree/data" .
	tarball "$tree/control.tar.gz" "$tree/control" .
	tarball "$out/homeward_${plain}_$1.ipk" "$tree" ./debian-binary ./control.tar.gz ./data.tar.gz
}

example >"$work/homeward.toml"
licences >"$work/THIRD_PARTY"
while read -r os arch debian openwrt; do
	[ -z "$only" ] || [ "$only" = "$os-$arch" ] || continue
	name=homeward-$version-$os-$arch
	binary=$work/$name/homeward
	[ "$os" = windows ] && binary+=.exe
	compile "$os" "$arch" "$binary"
	go run ./packaging/sbom "$binary" "$version" >"$out/$name.cdx.json"
	cp LICENSE NOTICE CHANGELOG.md "$work/homeward.toml" "$work/THIRD_PARTY" "$work/$name"
	if [ "$os" = windows ]; then
		find "$work/$name" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
		(cd "$work" && find "$name" -type f | sort | zip -q -X -9 -@ "$out/$name.zip")
	else
		tarball "$out/$name.tar.gz" "$work" "$name"
	fi
	[ "$debian" = - ] || deb "$debian" "$binary"
	[ "$openwrt" = - ] || ipk "$openwrt" "$binary"
done <<'ALL'
linux amd64 amd64 x86_64
linux arm64 arm64 aarch64_generic
linux arm armhf arm_cortex-a7
linux mipsle mipsel mipsel_24kc
linux riscv64 riscv64 riscv64_riscv64
windows amd64 - -
darwin arm64 - -
freebsd amd64 - -
ALL
(cd "$out" && sha256sum * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
