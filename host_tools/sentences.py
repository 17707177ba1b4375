"""What a worker at a station reads, in Chinese and English: the one source of these texts."""

SENTENCES = {
    # What a slot is doing.
    "connect": ("连接中", "connecting"),
    "identify": ("识别中", "reading its identity"),
    "wait": ("等待其他槽位", "waiting for the others"),
    "write": ("写入中", "writing"),
    "verify": ("校验中", "verifying"),
    # Why it failed, and what to do.
    "nothing": (
        "没有找到设备：检查 USB 线，或用 --port 指定端口。",
        "No unit is plugged in: check the cables, or name a port with --port.",
    ),
    "no_port": (
        "找不到端口 {port}：检查 USB 线，用 --all 列出所有设备。",
        "There is no port {port}: check the cable, or let --all find what is plugged in.",
    ),
    "busy": (
        "端口 {port} 被占用或没有权限：关闭占用它的程序，或把用户加入 dialout 组。",
        "The port {port} is in use or not yours to open: close the program that holds it, or add "
        "the user to the group dialout.",
    ),
    "mute": (
        "芯片没有回应：检查供电和接触，按住 BOOT 再试。",
        "The chip does not answer: check its power and the contacts, or hold BOOT and try again.",
    ),
    "wrong_chip": (
        "这是 {found}，安装包是给 {wanted} 的：换对应的安装包。",
        "This is an {found} and the bundle is for the {wanted}: take the bundle made for it.",
    ),
    "same_mac": (
        "另一个槽位的芯片有相同的 MAC {mac}：两台都隔离，报告工程师。",
        "The chip in another slot has the same MAC {mac}: set both aside and tell the engineer.",
    ),
    "has_identity": (
        "此机已有序列号 {serial}，未改动：确要覆盖请加 --overwrite。",
        "This unit is {serial} already and was left as it is: --overwrite makes it another.",
    ),
    "not_ours": (
        "此机没有数据分区，更新会丢失数据：请用 xueyang flash。",
        "This unit's data lie beside its code, and an update would lose them: use xueyang flash.",
    ),
    "other_micropython": (
        "此机的 MicroPython 是 {found}，安装包需要 {wanted}：请用 xueyang flash。",
        "This unit has MicroPython {found} and the bundle needs {wanted}: use xueyang flash.",
    ),
    "pulled": (
        "写入时连接断开：检查 USB 线和接触，重新写入。",
        "The connection was lost on the way: check the cable and the contacts, and do it again.",
    ),
    "bad_flash": (
        "写入后校验不符，闪存损坏：报废或换芯片。",
        "What was written does not read back, the flash is damaged: scrap the unit or its module.",
    ),
    "noise": (
        "最低波特率 {baud} 也传输出错：换短线，检查接触。",
        "Even at {baud} baud the transfer fails: take a shorter cable, and check the contacts.",
    ),
    "late": (
        "超过 {seconds} 秒未完成：检查接触，重新写入。",
        "It was not done within {seconds} s: check the contacts, and flash it again.",
    ),
    "refused": ("没有领到序列号：{error}", "It was given no serial: {error}"),
    "unexpected": (
        "程序出错：{error}。请把此信息交给工程师。",
        "The program failed: {error}. Give this to the engineer.",
    ),
    "skipped": (
        "这是 {found}，与安装包不符，未改动。",
        "This is an {found}, not what the bundle is for, and was left alone.",
    ),
    # The station's store, and the plant's.
    "no_file": (
        "{path} 无法写入（{error}）：换一个文件名或目录。",
        "{path} cannot be written ({error}): name another.",
    ),
    "no_database": (
        "{where} 不是数据库地址：写文件名，或 postgresql://主机/库名。",
        "{where} is no address of a database: give a file, or postgresql://HOST/NAME.",
    ),
    "store_shut": (
        "{store} 打不开：{error}。检查磁盘空间和权限。",
        "{store} cannot be opened: {error}. See to the disk's space and who may write there.",
    ),
    "plant_away": (
        "{store} 连不上（{error}）：记录保存在本站，恢复后再试。",
        "{store} cannot be reached ({error}): what is recorded stays here, try again when it is "
        "back.",
    ),
    "plant_refuses": (
        "{store} 拒收记录（{error}）：全部保存在本站，恢复后再推送。",
        "{store} does not take the records ({error}): all of them are kept here; push again when "
        "it does.",
    ),
    "schema": (
        "{store} 的结构版本是 {found}，本程序需要 {wanted}：请管理员运行 xueyang plant。",
        "{store} has the schema {found} and this program needs {wanted}: let its owner run "
        "`xueyang plant`.",
    ),
    "no_rights": (
        "无法给 {role} 授权：{error}",
        "{role} cannot be given its rights: {error}",
    ),
    "held_back": (
        "{serial}（MAC {mac}）未上传：工厂数据库里已有 {other}，MAC {its_mac}，工站 {station}。"
        "两台都隔离，报告工程师。",
        "{serial} with the MAC {mac} is held back: the plant knows {other} with the MAC "
        "{its_mac}, of station {station}. Set both units aside and tell the engineer.",
    ),
    "no_unit": (
        "这里没有 {serial} 的记录：查工厂数据库，或核对序列号。",
        "No unit {serial} is known here: ask the plant's store, or look again.",
    ),
    "other_lot": (
        "此芯片已是 {serial}，批号 {lot}，版本 {revision}：按原批号写入，或报废。",
        "This chip is {serial} of lot {lot}, revision {revision}, already: flash it as that, or "
        "scrap it.",
    ),
    "no_serials": (
        "本站序列号已用完：用 xueyang reserve 再领一段。",
        "This station has no serials left: reserve a block with `xueyang reserve`.",
    ),
    "prefix_full": (
        "到 {last} 的序列号都已领完：换一个前缀。",
        "All serials up to {last} are taken: begin another prefix.",
    ),
    "reserve_busy": (
        "其他工站正在领序列号：一分钟后再试。",
        "Other stations reserve serials all the time: try again in a minute.",
    ),
    "no_box_numbers": (
        "本站箱号已用完：xueyang reserve --prefix '{prefix}'。",
        "This station has no numbers for boxes left: `xueyang reserve --prefix '{prefix}'`.",
    ),
    "no_box": (
        "本站没有箱号 {sscc} 的记录：核对箱号。",
        "No box or carton {sscc} is known at this station: look again.",
    ),
    "packed_already": (
        "{what} 已在 {box} 中：从这一箱取出。",
        "{what} is in {box} already: take it out of this one.",
    ),
    "shipped_already": (
        "{sscc} 已发往 {to}：核对箱号。",
        "{sscc} has gone to {to} already: look again.",
    ),
    # Labels.
    "no_product": (
        "{path} 不是产品文件：须为含 gtin、company、registration、licence 的 JSON 对象。",
        "{path} is no product: it must be a JSON object with gtin, company, registration and "
        "licence.",
    ),
    "no_gtin": (
        "{path}：{gtin} 不是 14 位且校验位正确的 GTIN。",
        "{path}: {gtin} is no GTIN of 14 digits with a true check digit.",
    ),
    "no_company": (
        "{path}：{company} 不是 4 至 12 位的 GS1 厂商识别代码。",
        "{path}: {company} is no GS1 company prefix of 4 to 12 digits.",
    ),
    "company_full": (
        "厂商识别代码 {company} 的箱号不够 {number}：另申请一个代码。",
        "{number} is beyond what the company prefix {company} leaves for boxes: take another.",
    ),
    "no_symbol": (
        "{content} 无法编成条码（{error}）：核对批号和序列号。",
        "{content} cannot be a symbol ({error}): look at the lot and the serial.",
    ),
    "label_full": (
        "标签放不下：用更短的批号或序列号。",
        "This does not fit on the label: take a shorter lot or serial.",
    ),
    "too_long": (
        "“{text}”太长，标签放不下：缩短它。",
        '"{text}" is too long for the label: shorten it.',
    ),
    "no_letters": (
        "“{text}”中的 {letters} 标签字库里没有：换别的字。",
        '"{text}" has letters that labels cannot be written with ({letters}): take others.',
    ),
    "label_where": (
        "标签送往哪里：--out 文件，或 --printer 主机。",
        "Say where the labels go: --out FILE or --printer HOST.",
    ),
    "no_printer": (
        "{printer} 不是打印机地址：写 主机 或 主机:端口。",
        "{printer} is no address of a printer: HOST or HOST:PORT.",
    ),
    "label_ending": (
        "{path} 须以 .zpl、.pdf 或 .png 结尾。",
        "{path} must end with .zpl, .pdf or .png.",
    ),
    "one_label": (
        ".png 只能放一张标签：多张请用 .pdf 或 .zpl。",
        "A .png holds one label: name a .pdf or .zpl for several.",
    ),
    "printer_refuses": (
        "打印机 {printer} 不接收标签（{error}）：检查打印机；"
        "下次 xueyang label 会问打印出了哪些。",
        "The printer {printer} does not take the labels ({error}): look after it; the next "
        "`xueyang label` asks what has come out.",
    ),
    # Bundles, identities and calibrations.
    "no_bundle": (
        "没有 {path}：用 xueyang build 制作。",
        "{path} is not there: make one with `xueyang build`.",
    ),
    "unreadable_bundle": (
        "{path} 不是可用的安装包（{error}）：用 xueyang build 重新制作。",
        "{path} cannot be read as a bundle ({error}): make it anew with `xueyang build`.",
    ),
    "not_bundle": (
        "{path} 是压缩文件，不是安装包：用 xueyang build 制作。",
        "{path} is a zip but not a bundle: make one with `xueyang build`.",
    ),
    "incomplete_bundle": (
        "{path} 制作时没有 --micropython，不能写入空芯片：加上它重新制作，或用 xueyang update。",
        "{path} was made without --micropython and cannot flash an empty chip: make it with one, "
        "or use xueyang update.",
    ),
    "bundle_format": (
        "{path} 的格式是 {found}，本程序需要 {wanted}：用 xueyang build 重新制作。",
        "{path} is a bundle of format {found} and this program knows {wanted}: make it anew with "
        "`xueyang build`.",
    ),
    "damaged_bundle": (
        "{path} 中的 {part} 与清单不符，文件已损坏：重新复制，或用 xueyang build 重新制作。",
        "{path}: {part} is not what the manifest says, the file is damaged: copy it again, or "
        "make it anew with `xueyang build`.",
    ),
    "identity_text": (
        "{name}“{text}”须为 1 至 {limit} 个无空格的 ASCII 字符。",
        'The {name} "{text}" must be 1 to {limit} characters of ASCII without spaces.',
    ),
    "identity_day": (
        "日期 {made} 须写成 20261124 的样子。",
        "The day {made} must be written as 20261124.",
    ),
    "no_digits": (
        "序列号“{serial}”须以数字结尾，才能往下编。",
        'The serial "{serial}" must end with digits, so that it can count on.',
    ),
    "serials_full": (
        "“{last}”之后没有序列号了：增加位数。",
        'No serial follows "{last}": give more digits.',
    ),
    "no_calibration": (
        "{path} 不是校准文件：请用 xueyang calibrate 生成。",
        "{path} is not a calibration: make one with `xueyang calibrate`.",
    ),
    "unread_calibration": (
        "无法读取 {path}（{error}）：检查文件名。",
        "{path} cannot be read ({error}): check its name.",
    ),
    "changed_calibration": (
        "{path} 生成后被改动或已损坏：请用原文件。",
        "{path} was changed after it was made or is damaged: take the one that was made.",
    ),
    "bad_calibration": (
        "{path}：设备不能用这样的校准（{error}）。",
        "{path} holds what no unit's calibration may be ({error}).",
    ),
    "other_lots_curve": (
        "{path} 是批号 {batch} 的曲线，不是本批 {lot} 的：换对应的文件。",
        "{path} is the curve of lot {batch}, not of these units' {lot}: take the other.",
    ),
    # The phases of a station.
    "phase_flash": ("写入", "flashing"),
    "phase_supply": ("电源", "supply"),
    "phase_sensor": ("传感器和部件", "sensor and parts"),
    "phase_dark": ("暗计数", "dark counts"),
    "phase_leds": ("发光管", "lights"),
    "phase_aged": ("老化", "ageing"),
    "phase_crosstalk": ("串光", "crosstalk"),
    "phase_sound": ("声音", "sound"),
    "phase_optics": ("灰板", "grey target"),
    "phase_clock": ("时钟", "clocks"),
    "phase_noise": ("噪声", "noise"),
    "phase_ambient": ("环境光", "ambient light"),
    "phase_infrared": ("红外板", "infrared target"),
    "phase_modulated": ("调制板", "modulated target"),
    "phase_display": ("显示", "display"),
    "phase_button": ("按键", "button"),
    "phase_battery": ("电池电量", "battery gauge"),
    "phase_sleep": ("休眠电流", "sleep current"),
    "phase_label": ("标签", "label"),
    # A measurement beyond its limits, and what to do. All know name, value, unit, low and high.
    "do_cable": (
        "{name}={value} {unit}（{low}–{high}）：换 USB 线，清洁触点，重测。",
        "{name} = {value} {unit} ({low} to {high}): change the USB cable, clean the contacts, and "
        "test it again.",
    ),
    "do_supply": (
        "{name}={value} {unit}（{low}–{high}）：检查电源焊点有无短路，送维修。",
        "{name} = {value} {unit} ({low} to {high}): look for a short or an open joint at the "
        "supply, and send it to repair.",
    ),
    "do_sensor": (
        "{name}={value} {unit}（应为 {low}–{high}）：传感器型号错或虚焊，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): the sensor is another part or badly soldered; "
        "replace it.",
    ),
    "do_module": (
        "{name}={value} {unit}（{low}–{high}）：模块闪存有问题，换模块。",
        "{name} = {value} {unit} ({low} to {high}): the module's flash does not keep what is "
        "written; replace the module.",
    ),
    "do_samples": (
        "{name}={value} {unit}（{low}–{high}）：传感器没有数据，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): the sensor gives no samples; replace it.",
    ),
    "do_dark": (
        "{name}={value} {unit}（{low}–{high}）：盖好盖子重测；仍不合格则换传感器。",
        "{name} = {value} {unit} ({low} to {high}): close the lid and test again; if it stays so, "
        "replace the sensor.",
    ),
    "do_leds": (
        "{name}={value} {unit}（{low}–{high}）：发光管不亮或电流不对，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): a light is dead or has the wrong current; "
        "replace the sensor.",
    ),
    "do_age": (
        "{name}={value} {unit}（至少 {low}）：放回老化架，到时间再取。",
        "{name} = {value} {unit} (at least {low}): put it back on the rack for the rest of it.",
    ),
    "do_crosstalk": (
        "{name}={value} {unit}（{low}–{high}）：机壳内漏光，检查遮光圈和窗口，送维修。",
        "{name} = {value} {unit} ({low} to {high}): light leaks inside the case; check the gasket "
        "and the window, and send it to repair.",
    ),
    "do_sound": (
        "{name}={value} {unit}（{low}–{high}）：蜂鸣片没响或音调不对，检查焊点。",
        "{name} = {value} {unit} ({low} to {high}): the sounder is mute or off its pitch; check "
        "its joints.",
    ),
    "do_optics": (
        "{name}={value} {unit}（{low}–{high}）：清洁窗口和灰板，换槽位重测。",
        "{name} = {value} {unit} ({low} to {high}): clean the window and the target, and test it "
        "in another slot.",
    ),
    "do_clock": (
        "{name}={value} {unit}（{low}–{high}）：传感器或模块的时钟不准，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): a clock is off; replace the sensor.",
    ),
    "do_noise": (
        "{name}={value} {unit}（{low}–{high}）：信号噪声大，检查传感器供电电容，送维修。",
        "{name} = {value} {unit} ({low} to {high}): the signal is noisy; check the capacitors at "
        "the sensor, and send it to repair.",
    ),
    "do_ambient": (
        "{name}={value} {unit}（{low}–{high}）：槽位漏光，盖好盖子，检查密封后重测。",
        "{name} = {value} {unit} ({low} to {high}): light leaks into the slot; close the lid, "
        "look at its seal, and test again.",
    ),
    "do_swapped": (
        "{name}={value} {unit}（{low}–{high}）：红光和红外光管装反，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): red and infrared are exchanged; replace the "
        "sensor.",
    ),
    "do_ratio": (
        "{name}={value} {unit}（{low}–{high}）：比值不准，换槽位重测，仍不合格送工程师。",
        "{name} = {value} {unit} ({low} to {high}): the ratio is wrong; test it in another slot, "
        "and if it stays so, give it to the engineer.",
    ),
    "do_display": (
        "{name}={value} {unit}（{low}–{high}）：显示屏不亮或不对，检查排线，送维修。",
        "{name} = {value} {unit} ({low} to {high}): the display is dark or wrong; check its "
        "cable, and send it to repair.",
    ),
    "do_button": (
        "{name}={value} {unit}（{low}–{high}）：按键没有反应，检查按键焊点和按键帽。",
        "{name} = {value} {unit} ({low} to {high}): the button does nothing; check its joints and "
        "its cap.",
    ),
    "do_battery": (
        "{name}={value} {unit}（{low}–{high}）：电池电压读数不准，检查分压电阻。",
        "{name} = {value} {unit} ({low} to {high}): it reads its cells wrongly; check the divider "
        "of the battery.",
    ),
    "do_sleep": (
        "{name}={value} {unit}（{low}–{high}）：休眠时耗电不对，检查漏电和 EN，送维修。",
        "{name} = {value} {unit} ({low} to {high}): asleep it draws the wrong current; look for a "
        "leak, and send it to repair.",
    ),
    "do_label": (
        "{name}={value} {unit}（{low}–{high}）：标签读不出，撕掉，重打一张。",
        "{name} = {value} {unit} ({low} to {high}): the label cannot be read; take it off and "
        "print another.",
    ),
    # What ends a test without a limit.
    "unit_pulled": (
        "测试中被取出：放好，再测一次。",
        "It was taken out during the test: put it in again and repeat the test.",
    ),
    "unit_silent": (
        "没有回应（{error}）：检查 USB 触点，重测；仍没有回应则送维修。",
        "It does not answer ({error}): check the USB contacts and test again; if it stays silent, "
        "send it to repair.",
    ),
    "samples_lost": (
        "采样丢失，无法判定：关闭电脑上其他程序，重测；反复出现则交给工程师。",
        "Samples were lost and nothing can be judged: close other programs on this computer and "
        "test again; if it comes back, give it to the engineer.",
    ),
    "jig": (
        "夹具没有回应（{error}）：检查夹具电源和连线，不要判定产品。",
        "The jig does not answer ({error}): check its power and cables; this says nothing about "
        "the unit.",
    ),
    "store": (
        "记录无法保存（{error}）：此机不算测过，报告工程师，排除后重测。",
        "The record cannot be kept ({error}): the unit does not count as tested; tell the "
        "engineer, and test it again afterwards.",
    ),
    # Why a unit may not enter a stage.
    "route_unknown": (
        "本站不认识此机（{mac}）：先做 PCBA 测试，或连接工厂数据库。",
        "No unit with this chip ({mac}) is known here: it begins with the stage pcba, or its "
        "records are elsewhere; name the plant with --plant.",
    ),
    "route_skipped": (
        "缺少 {stage} 工序：先去做 {stage}。",
        "It has skipped the stage {stage}: take it there first.",
    ),
    "route_failed": (
        "{stage} 工序没有合格：回到 {stage}。",
        "It has not passed the stage {stage}: take it back there.",
    ),
    "route_young": (
        "只老化了 {hours} 小时，至少要 {least} 小时：放回老化架。",
        "It has aged for {hours} h and needs {least}: put it back on the rack.",
    ),
    "route_passed": (
        "{stage} 工序已经合格：送下一工序；若芯片重复，隔离并报告工程师。",
        "It has passed the stage {stage} already: take it to the next; if another unit bears the "
        "same chip number, set both aside and tell the engineer.",
    ),
    "route_exhausted": (
        "{stage} 工序已不合格 {times} 次：送维修或报废，不再重测。",
        "It has failed the stage {stage} {times} times: rework it or scrap it, no more retests.",
    ),
    "route_scrapped": (
        "此机已报废：隔离，不得使用。",
        "It was scrapped: keep it apart, it must not be used.",
    ),
    "route_elsewhere": (
        "同一台机（{serial}）正在另一槽位测试：芯片号重复，两台都隔离，报告工程师。",
        "The same unit ({serial}) is being tested in another slot: two chips bear one number; set "
        "both aside and tell the engineer.",
    ),
    # What cannot be recorded away from the jig, and what was.
    "age_first": (
        "{serial} 还不能老化：先通过 {stage} 工序。",
        "{serial} cannot age: {stage} must come first.",
    ),
    "age_rack": (
        "{serial} 没有上架记录：先用 --begin {serial} 登记上架。",
        "{serial} has not aged: it was not put on the rack; record that with --begin {serial}.",
    ),
    "scrapped_already": (
        "{serial} 已报废，不再记录：隔离，不得使用。",
        "{serial} was scrapped, and nothing more is recorded of it: keep it apart.",
    ),
    "on_rack": ("{serial}：已上架，开始老化。", "{serial}: on the rack, it ages from now on."),
    "aged": ("{serial}：合格，老化 {hours} 小时。", "{serial}: PASS, it has aged for {hours} h."),
    "aged_not": ("{serial}：不合格，{why}", "{serial}: FAIL, {why}"),
    "reworked": (
        "{serial}：已记录返修，从第一道工序重新开始。",
        "{serial}: its rework is recorded; it begins again at the first stage.",
    ),
    "scrapped": (
        "{serial}：已记录报废，隔离，不得使用。",
        "{serial}: recorded as scrap; keep it apart, it must not be used.",
    ),
    # What a command for a station lacks.
    "say_station": ("请说明这是哪个工站：--station。", "Say which --station this is."),
    "say_worker": (
        "测量系统分析要比较操作员：用 --worker 说明是谁。",
        "A gauge study compares workers: say which --worker this is.",
    ),
    "say_stage": (
        "请指定工序 --stage；老化用 --begin 或 --end 指定设备。",
        "Name a --stage; for ageing say which units with --begin or --end.",
    ),
    "say_because": (
        "请说明返修了什么或为何报废：--because 文字。",
        "Say what was done, or why: --because TEXT.",
    ),
    "say_pcba": (
        "工序 pcba 需要安装包 BUNDLE、--lot 和 --hardware-revision。",
        "The stage pcba needs a BUNDLE, --lot and --hardware-revision.",
    ),
    "say_jig": (
        "请用 --jig 指定夹具控制器，或用 --port 指定设备，二者选一。",
        "Name the controller of the jig with --jig, or units with --port: one of them.",
    ),
    "slot_doubtful": (
        "槽位 {slot} 连续两台在同一项不合格（{phase}）：清洁或检查夹具，用标准机核对后再用。",
        "Slot {slot} has failed two units in a row in the same phase ({phase}): clean it, check "
        "its targets with the golden unit, and only then use it again.",
    ),
    # What is asked of hands, where there is no jig.
    "hand_ready": (
        "放好 {slots}，按回车开始；输入 q 结束。",
        "Put in {slots} and press Enter; q ends.",
    ),
    "hand_away": (
        "{slot} 没有连接：检查 USB 线和端口名。",
        "{slot} is not plugged in: check the USB cable and the port's name.",
    ),
    "nothing_in": (
        "槽位 {slots} 是空的：放入设备再测。",
        "Nothing is in the slots {slots}: put units in and test again.",
    ),
    "hand_dark": (
        "{slots}：盖上黑色遮光罩，回车。",
        "{slots}: cover the window with the black trap; Enter.",
    ),
    "hand_grey": ("{slots}：放上灰板，回车。", "{slots}: put the grey target on; Enter."),
    "hand_infrared": (
        "{slots}：放上红外板，回车。",
        "{slots}: put the infrared target on; Enter.",
    ),
    "hand_modulated": (
        "{slots}：放上调制板，回车。",
        "{slots}: put the modulated target on; Enter.",
    ),
    "hand_ratio": ("{slot}：调制板上写的比值？", "{slot}: which ratio is written on the target?"),
    "hand_rail": ("{slot}：{net} 的电压（mV）？", "{slot}: how many mV has {net}?"),
    "hand_supply": (
        "{slot}：把电源调到 {mv} mV，回车。",
        "{slot}: set the supply to {mv} mV; Enter.",
    ),
    "hand_current": ("{slot}：电源电流（µA）？", "{slot}: how many uA does the supply give?"),
    "hand_cable_in": ("{slot}：插上 USB 线，回车。", "{slot}: plug the USB cable in; Enter."),
    "hand_cable_out": ("{slot}：拔下 USB 线，回车。", "{slot}: pull the USB cable; Enter."),
    "hand_press": (
        "{slot}：短按一次按键（{seconds} 秒），回车。",
        "{slot}: press the button for {seconds} s; Enter.",
    ),
    "hand_tone": (
        "{slot}：听到的音调（Hz），没有则 0？",
        "{slot}: which tone in Hz did it give, 0 for none?",
    ),
    "hand_dots": (
        "{slot}：显示正常输入 1000，全黑输入 0。",
        "{slot}: 1000 if the display shows its picture, 0 if it is dark.",
    ),
    "hand_no_number": (
        "“{told}”不是数字",
        '"{told}" is no number',
    ),
    "hand_scan": ("{slot}：扫描刚贴的标签。", "{slot}: scan the label that was just put on."),
    # Questions and results.
    "overwrite?": (
        "槽位 {slot} 已是 {serial}（批号 {lot}）。覆盖它？",
        "Slot {slot} is {serial} of lot {lot} already. Overwrite it?",
    ),
    "label?": (
        "{serial} 的标签第 {copy} 份打印出来了吗？",
        "Did copy {copy} of the label of {serial} come out of the printer?",
    ),
    "unsettled": (
        "不知道 {serial} 的标签第 {copy} 份是否已打印：请加 --settle printed 或 spoilt。",
        "Whether copy {copy} of the label of {serial} came out is not known: say --settle printed "
        "or spoilt.",
    ),
    "copy": ("第 {copy} 份", "copy {copy}"),
    "sample": (
        "缺少 {missing}：标签为样品，不带 UDI。",
        "Without {missing} the labels are those of samples, and carry no UDI.",
    ),
    "nobody": (
        "此机没有身份记录：请用 xueyang flash 写入。",
        "This unit does not say who it is: flash it with xueyang flash.",
    ),
    "signed": (
        "身份和校准由工站 {station} 签名，属实。",
        "Its identity and calibration were signed by station {station}, for this chip.",
    ),
    "unsigned": (
        "身份和校准没有已知工站的签名：不可信，报告工程师。",
        "No station that is known here signed its identity and calibration: do not trust them, "
        "and tell the engineer.",
    ),
    "other_chip": (
        "记录属于另一个芯片，本机 MAC 为 {mac}：不可信，报告工程师。",
        "What is recorded is of another chip than this, whose MAC is {mac}: do not trust it, and "
        "tell the engineer.",
    ),
    # Recording.
    "recording": (
        "{seconds} 秒，{samples} 个样本（丢失 {lost}），{references} 个参考值",
        "{seconds} s, {samples} samples ({lost} lost), {references} references",
    ),
    "type_reference": (
        "输入参考仪的读数（{what}），按回车；没有的写 -。Ctrl-C 结束。",
        "Type what the reference shows ({what}) and Enter, - for none of one. Ctrl-C ends.",
    ),
    "no_reference": (
        "“{line}”不是读数，未记录：应输入 {what}。",
        '"{line}" was not kept: type {what}.',
    ),
    "unit_gone": (
        "设备已断开：已收到的 {seconds} 秒保存在 {file}，检查 USB 线。",
        "The unit has gone: the {seconds} s that came are in {file}; check the cable.",
    ),
    "unit_stopped": (
        "设备不再发送数据：已收到的 {seconds} 秒保存在 {file}，重新启动设备。",
        "The unit sends no more: the {seconds} s that came are in {file}; restart the unit.",
    ),
    # The worker's screen: states, and the keys below.
    "state_empty": ("空", "EMPTY"),
    "state_waiting": ("等待", "WAIT"),
    "state_locked": ("停用", "LOCKED"),
    "state_testing": ("测试", "TEST"),
    "state_passed": ("合格", "PASS"),
    "state_failed": ("不合格", "FAIL"),
    "state_refused": ("拒收", "REFUSED"),
    "state_ended": ("中断", "ENDED"),
    "put_in": ("插入待测设备。", "Put units in."),
    "working": ("正在工作", "working"),
    "ending": ("结束中：等待测试中的设备", "ending: waiting for the units under test"),
    "done": ("完工：按 q 退出", "done: press q to leave"),
    "keys": ("方向键 选槽位  空格 最新  q 退出", "arrows: slot  space: latest  q: quit"),
    "quit?": ("确定退出？没有设备在测试。", "Really quit? No unit is under test."),
    "quit_after?": (
        "{n} 台正在测试，不要拔出。测完这些就退出？",
        "{n} units are under test, do not pull them. Quit when they are done?",
    ),
    "yes_no": ("y 是    n 否", "y: yes    n: no"),
    "type_enter": ("输入后按回车", "type it, then Enter"),
    # Golden and known-bad units: why a slot is locked, and what to do.
    "no_golden": (
        "工序 {stage} 没有指定标准机：请工程师指定。",
        "Stage {stage} has no golden unit: let the engineer name one.",
    ),
    "no_known_bad": (
        "工序 {stage} 没有指定不良样机：请工程师指定。",
        "Stage {stage} has no known-bad unit: let the engineer name one.",
    ),
    "golden_due": (
        "最近 {hours} 小时内没有测过标准机：把 {serial} 放入此槽位测试。",
        "No golden unit was tested here in the last {hours} h: test {serial} in this slot.",
    ),
    "known_bad_due": (
        "最近 {hours} 小时内没有测过不良样机：把 {serial} 放入此槽位测试。",
        "No known-bad unit was tested here in the last {hours} h: test {serial} in this slot.",
    ),
    "golden_failed": (
        "标准机 {serial} 在 {phase} 不合格：清洁接触点和靶板再测，仍不合格请叫工程师。",
        "The golden unit {serial} failed in {phase}: clean contacts and targets, test it again, "
        "and call the engineer if it fails again.",
    ),
    "golden_off": (
        "标准机 {serial} 的 {what} 为 {value}，标称 {certified}，允差 {tolerance}：治具漂移，"
        "清洁后再测，仍超差请叫工程师。",
        "The golden unit {serial} reads {value} for {what}, certified {certified} within "
        "{tolerance}: the jig has drifted; clean it and test again, and call the engineer if it "
        "stays so.",
    ),
    "golden_unread": (
        "标准机 {serial} 没有测到 {what}：再测，仍没有请叫工程师。",
        "The golden unit {serial} was not measured for {what}: test it again, and call the "
        "engineer if it stays so.",
    ),
    "known_bad_failed": (
        "不良样机 {serial} 在 {phase} 不合格：放回原处，不送修。槽位是否可用见 "
        "xueyang capability slots。",
        "The known-bad unit {serial} failed in {phase}: put it back where it is kept, it is not "
        "for repair; `xueyang capability slots` says whether the slot may be used.",
    ),
    "known_bad_passed": (
        "不良样机 {serial} 竟然合格：此槽位不可用，叫工程师。",
        "The known-bad unit {serial} passed: this slot finds no fault, call the engineer.",
    ),
    "known_bad_elsewhere": (
        "不良样机 {serial} 应在 {wanted} 不合格，却在 {found}：清洁接触点再测，仍如此请叫工程师。",
        "The known-bad unit {serial} must fail in {wanted} and failed in {found}: clean the "
        "contacts and test it again, and call the engineer if it stays so.",
    ),
    "known_bad_where": (
        "不良样机要指定在哪个阶段不合格，其他的不要：用 --phase。",
        "A known-bad unit, and only such a one, needs the phase where it fails: --phase.",
    ),
    "no_phase": (
        "工序 {stage} 没有这个阶段：--phase 须为 {phases} 之一。",
        "The stage {stage} has no such phase: --phase must be one of {phases}.",
    ),
    "named_golden": (
        "{serial} 现为工序 {stage} 的标准机。",
        "{serial} is a golden unit of the stage {stage} from now on.",
    ),
    "named_known_bad": (
        "{serial} 现为工序 {stage} 的不良样机。",
        "{serial} is a known-bad unit of the stage {stage} from now on.",
    ),
    "named_withdrawn": (
        "{serial} 不再用于核对工序 {stage} 的槽位。",
        "{serial} no longer judges the slots of the stage {stage}.",
    ),
    "no_certificate": (
        '{path} 不是标准值文件：格式为 {{"阶段.名称": [数值, 允差]}}，允差大于 0。',
        '{path} is no certificate: it must hold {{"phase.name": [value, tolerance]}}, each '
        "tolerance over 0.",
    ),
    "no_certificate_file": (
        "{path} 无法读取（{error}）：换一个文件。",
        "{path} cannot be read ({error}): name another.",
    ),
    "route_judges": (
        "{serial} 是标准机或不良样机，不得出厂：放回原处。",
        "{serial} is a golden or known-bad unit and stays in the factory: put it back.",
    ),
    "slot_unproven": (
        "此槽位本班未经标准机和不良样机验证：先测这两台。",
        "Golden and known-bad unit have not proved this slot for this shift: test them first.",
    ),
    "unjudged": (
        "工序 {stage} 没有标准机和不良样机，槽位未经验证：请工程师指定"
        "（xueyang capability reference）。",
        "Stage {stage} has no golden and no known-bad unit, so that nothing proves its slots: let "
        "the engineer name them (xueyang capability reference).",
    ),
    # What a gauge study lacks.
    "grr_values": ("{of} 个数值缺 {missing} 个。", "{missing} of {of} values are missing."),
    "grr_none": (
        "工站 {station} 自上次分析以来没有 GRR 测试记录：先测 {units} 台 x {workers} 人 "
        "x {repeats} 次。",
        "Station {station} has no gauge runs since its last study: test {units} units x {workers} "
        "workers x {repeats} repeats first.",
    ),
    "grr_stages": (
        "GRR 测试记录有多个工序（{stages}）：请用 --stage 指定一个。",
        "There are gauge runs of several stages ({stages}): name one with --stage.",
    ),
    "grr_small": (
        "只有 {units} 台、{workers} 人：至少要 {least_units} 台、{least_workers} 人。",
        "{units} units and {workers} workers: a study needs {least_units} and {least_workers}.",
    ),
    "grr_missing": (
        "还缺（每人每台 {repeats} 次）：{missing}。",
        "Still to be tested ({repeats} repeats of each unit by each worker): {missing}.",
    ),
    "grr_one_slot": (
        "每台只在一个槽位测过，槽位之间的差别会算成产品的差别：让每台轮换槽位，"
        "或用 --slot 只分析一个槽位。",
        "Each unit was tested in one slot only, so that what the slots differ by counts as the "
        "units': let the units change slots, or study one with --slot.",
    ),
    # Why there is no Cpk, and no proposal of limits.
    "cpk_no_limits": ("没有限值。", "It has no limits."),
    "cpk_no_study": (
        "本工站没有做过测量系统分析（GRR）：请做。",
        "The gauge was never studied at this station: run a study.",
    ),
    "cpk_gauge": (
        "测量系统 %GRR 为 {grr}，超过 {most}：先改进测量。",
        "%GRR is {grr}, over {most}: better the measurement first.",
    ),
    "cpk_few": (
        "只有 {n} 个数值，至少要 {least} 个。",
        "{n} values, and at least {least} are needed.",
    ),
    "cpk_wild": (
        "{n} 个数值中有 {wild} 个远超限值：先找出原因。",
        "{wild} of {n} values are far outside the limits: find their cause first.",
    ),
    "cpk_flat": (
        "数值大多相同：分辨率不够。",
        "Most values are the same and tell no spread: the resolution is too coarse.",
    ),
    "cpk_unstable": (
        "过程不稳定：{n} 个数值中 {beyond} 个超出三西格玛，{runs} 次连续九个在同一侧，"
        "偶然最多 {allowed} 次。",
        "Not stable: of {n} values {beyond} lie beyond three sigma, {runs} times nine in a row "
        "lie on one side, and chance explains {allowed} in all.",
    ),
    "limits_none": (
        "批号 {lot} 在这里没有首次测试记录：先测试，或换一个批号。",
        "Lot {lot} has no first runs here: test its units, or name another.",
    ),
    "limits_few": (
        "只有 {n} 台试产机，至少要 {least} 台才能定限值。",
        "{n} pilot units, and limits need at least {least}.",
    ),
    "limits_flat": (
        "一半以上的数值相同，无法估计离散。",
        "More than half of the values are the same, which tells no spread.",
    ),
    "passed": ("合格", "PASS"),
    "failed": ("不合格", "FAIL"),
    "left": ("跳过", "LEFT"),
    "error": ("出错", "ERROR"),
    "aborted": ("中断", "ABORTED"),
    "refused_unit": ("拒收", "REFUSED"),
    "locked": ("停用", "LOCKED"),
}


def say(key: str, **values: object) -> str:
    """A sentence in both languages: 中文 / English. A value may be such a sentence itself: each
    language then takes its own half of it."""
    halves = {name: str(value).split(" / ", 1) for name, value in values.items()}
    return " / ".join(
        text.format(**{name: half[min(n, len(half) - 1)] for name, half in halves.items()})
        for n, text in enumerate(SENTENCES[key])
    )
