"""What the pages say, in each language they speak."""

from __future__ import annotations

import attrs

__all__ = ["LANGUAGES", "TEXTS", "Language", "Texts", "language_of", "texts_for"]


@attrs.frozen(kw_only=True)
class Language:
    """A language the pages speak."""

    code: str
    """Its two letters."""

    tag: str
    """The value of ``lang`` in HTML."""

    rtl: bool = False
    """Whether it is written from right to left."""

    @property
    def direction(self) -> str:
        """The value of ``dir`` in HTML."""
        return "rtl" if self.rtl else "ltr"


LANGUAGES: tuple[Language, ...] = (
    Language(code="en", tag="en"),
    Language(code="zh", tag="zh-Hans"),
    Language(code="ar", tag="ar", rtl=True),
)
"""English first: it stands in for every other language."""


def language_of(tag: str) -> Language:
    """The language for a tag such as ``ar-EG`` or ``zh_CN``, else English."""
    primary = tag.strip().replace("_", "-").split("-")[0].lower()
    for language in LANGUAGES:
        if language.code == primary:
            return language
    return LANGUAGES[0]


TEXTS: dict[str, tuple[str, str, str]] = {
    "sandbox": ("Sandbox", "沙盒环境", "بيئة تجريبية"),
    "no_money": (
        "No real money moves here",
        "此处不会产生真实扣款",
        "لا تُحوَّل هنا أموال حقيقية",
    ),
    "skip": ("Skip to payment", "跳到付款", "الانتقال إلى الدفع"),
    "merchant": ("Merchant", "商家", "التاجر"),
    "contact": ("Questions? {email}", "如有疑问：{email}", "للاستفسار: {email}"),
    "pay_title": ("Pay {merchant}", "向 {merchant} 付款", "الدفع إلى {merchant}"),
    "amount_due": ("Amount due", "应付金额", "المبلغ المستحق"),
    "time_left": ("Time left", "剩余时间", "الوقت المتبقي"),
    "time_days": ("{d} d {h} h", "{d} 天 {h} 小时", "{d} يوم {h} ساعة"),
    "time_hours": ("{h} h {m} min", "{h} 小时 {m} 分", "{h} ساعة {m} دقيقة"),
    "time_minutes": ("{m} min {s} s", "{m} 分 {s} 秒", "{m} دقيقة {s} ثانية"),
    "time_spoken": (
        "Time left to pay: {time}",
        "剩余付款时间：{time}",
        "الوقت المتبقي للدفع: {time}",
    ),
    "time_until": ("until {instant}", "截止 {instant}", "حتى {instant}"),
    "time_expired": ("Time is up", "已超时", "انتهى الوقت"),
    "order": ("Your order", "订单内容", "طلبك"),
    "method": ("Payment method", "付款方式", "طريقة الدفع"),
    "method_CARD": ("Card", "银行卡", "بطاقة"),
    "method_WALLET": ("Wallet", "电子钱包", "محفظة إلكترونية"),
    "method_BANK_TRANSFER": ("Bank transfer", "银行转账", "تحويل مصرفي"),
    "note_CARD": (
        "Test cards, or one you type",
        "测试卡，或手动输入",
        "بطاقات اختبار أو بطاقة تكتبها",
    ),
    "note_WALLET": (
        "A wallet that exists only here",
        "仅存在于沙盒的钱包",
        "محفظة موجودة هنا فقط",
    ),
    "note_BANK_TRANSFER": (
        "A bank that exists only here",
        "仅存在于沙盒的银行",
        "مصرف موجود هنا فقط",
    ),
    "panel_WALLET": (
        "{org} asks for nothing: the wallet answers as the sandbox controls say.",
        "{org} 无需任何信息，钱包将按沙盒控制中的选择返回结果。",
        "لا تطلب {org} أي بيانات: تجيب المحفظة بما تحدده أدوات البيئة التجريبية.",
    ),
    "panel_BANK_TRANSFER": (
        "{org} asks for nothing: the bank answers as the sandbox controls say.",
        "{org} 无需任何信息，银行将按沙盒控制中的选择返回结果。",
        "لا يطلب {org} أي بيانات: يجيب المصرف بما تحدده أدوات البيئة التجريبية.",
    ),
    "test_card": ("Choose a card", "选择一张卡", "اختر بطاقة"),
    "ending": ("ending in", "尾号", "تنتهي بـ"),
    "manual": ("Another card", "其他卡", "بطاقة أخرى"),
    "manual_note": (
        "Type a test number, never a real card.",
        "请输入测试卡号，切勿使用真实银行卡。",
        "اكتب رقم اختبار، ولا تكتب بطاقة حقيقية أبدًا.",
    ),
    "card_number": ("Card number", "卡号", "رقم البطاقة"),
    "card_name": ("Name on card", "持卡人姓名", "الاسم على البطاقة"),
    "card_expiry": ("Expiry (MM/YY)", "有效期（月/年）", "الانتهاء (شهر/سنة)"),
    "card_cvv": ("CVV", "安全码", "رمز CVV"),
    "controls": ("Sandbox controls", "沙盒控制", "أدوات البيئة التجريبية"),
    "controls_note": (
        "How should this payment end? Your customers never see this part.",
        "这笔付款应如何结束？您的顾客不会看到此部分。",
        "كيف تنتهي هذه الدفعة؟ لا يرى عملاؤك هذا الجزء.",
    ),
    "outcome": ("Outcome", "结果", "النتيجة"),
    "outcome_succeed": ("Succeed", "成功", "نجاح"),
    "outcome_fail": ("Fail", "失败", "فشل"),
    "outcome_pending": ("Stay pending", "处理中", "قيد الانتظار"),
    "outcome_abandon": ("Walk away", "放弃付款", "انسحاب"),
    "about_succeed": (
        "Paid, notified at once",
        "已付款，立即通知",
        "مدفوع مع إشعار فوري",
    ),
    "about_fail": ("Refused, can be retried", "被拒，可重试", "مرفوض ويمكن تكراره"),
    "about_pending": (
        "Undecided until it closes",
        "关单前无结果",
        "بلا قرار حتى الإغلاق",
    ),
    "about_abandon": ("Opened, never paid", "已打开，未付款", "فُتح ولم يُدفع"),
    "failure_code": ("Failure code", "失败代码", "رمز الفشل"),
    "three_ds": (
        "Ask for 3-D Secure first (cards only)",
        "先进行 3-D Secure 验证（仅限银行卡）",
        "طلب التحقق \u20663-D Secure\u2069 أولًا (للبطاقات فقط)",
    ),
    "pay": ("Pay {amount}", "支付 {amount}", "ادفع {amount}"),
    "problems": (
        "Please check these fields",
        "请检查以下内容",
        "يرجى مراجعة هذه الحقول",
    ),
    "problem_method": ("Choose a payment method", "请选择付款方式", "اختر طريقة الدفع"),
    "problem_card": ("Choose a card", "请选择一张卡", "اختر بطاقة"),
    "problem_card_number": (
        "This card number does not add up",
        "卡号无效",
        "رقم البطاقة غير صحيح",
    ),
    "problem_card_name": (
        "The name on the card is missing",
        "请填写持卡人姓名",
        "الاسم على البطاقة مفقود",
    ),
    "problem_card_expiry": (
        "The expiry is not MM/YY, or has passed",
        "有效期格式有误或已过期",
        "تاريخ الانتهاء غير صحيح أو مضى",
    ),
    "problem_card_cvv": (
        "The CVV has 3 or 4 digits",
        "安全码应为 3 或 4 位数字",
        "يتكون رمز CVV من 3 أو 4 أرقام",
    ),
    "problem_outcome": ("Choose an outcome", "请选择结果", "اختر نتيجة"),
    "problem_failure_code": (
        "Choose a failure code",
        "请选择失败代码",
        "اختر رمز الفشل",
    ),
    "tds_title": (
        "Confirm your payment",
        "确认付款",
        "أكّد عملية الدفع",
    ),
    "tds_bank": ("Sandbox Bank", "沙盒银行", "مصرف البيئة التجريبية"),
    "tds_intro": (
        "Your bank checks that it is you who pays.",
        "发卡行正在确认是您本人付款。",
        "يتحقق مصرفك من أنك أنت من يدفع.",
    ),
    "tds_code": ("One-time code", "一次性验证码", "رمز لمرة واحدة"),
    "tds_hint": (
        "No message is sent. The code is {code}",
        "不会发送短信。验证码为 {code}",
        "لن تُرسل رسالة. الرمز هو {code}",
    ),
    "tds_wrong": (
        "That is not the code. Try again.",
        "验证码不正确，请重试。",
        "الرمز غير صحيح. حاول مرة أخرى.",
    ),
    "tds_approve": ("Approve", "同意", "موافقة"),
    "tds_refuse": ("Refuse", "拒绝", "رفض"),
    "succeeded": ("Payment complete", "付款成功", "اكتمل الدفع"),
    "succeeded_note": (
        "The merchant is being told. You can close this page.",
        "正在通知商家，您可以关闭此页面。",
        "يجري إبلاغ التاجر. يمكنك إغلاق هذه الصفحة.",
    ),
    "failed": ("Payment failed", "付款失败", "فشل الدفع"),
    "failed_note": (
        "Nothing was charged.",
        "未扣除任何款项。",
        "لم يُخصم أي مبلغ.",
    ),
    "pending": ("Payment is being processed", "付款处理中", "الدفع قيد المعالجة"),
    "pending_note": (
        "Do not pay again: the merchant will tell you how it ended.",
        "请勿重复付款，商家会告知您最终结果。",
        "لا تدفع مرة أخرى: سيخبرك التاجر بالنتيجة.",
    ),
    "abandoned": ("You left without paying", "您未完成付款", "غادرت دون دفع"),
    "abandoned_note": (
        "Nothing was charged.",
        "未扣除任何款项。",
        "لم يُخصم أي مبلغ.",
    ),
    "retry": ("Try again", "重新付款", "حاول مرة أخرى"),
    "close": ("Close", "关闭", "إغلاق"),
    "amount": ("Amount", "金额", "المبلغ"),
    "paid_with": ("Paid with", "付款工具", "وسيلة الدفع"),
    "when": ("Time", "时间", "الوقت"),
    "trade_no": ("Order number", "订单号", "رقم الطلب"),
    "link": ("Link", "链接", "الرابط"),
    "failure": ("Reason", "原因", "السبب"),
    "card_row": ("Card", "银行卡", "البطاقة"),
    "expired": ("This link has expired", "此链接已过期", "انتهت صلاحية هذا الرابط"),
    "expired_note": (
        "Ask the merchant for a new one. Nothing was charged.",
        "请向商家索取新链接。未扣除任何款项。",
        "اطلب من التاجر رابطًا جديدًا. لم يُخصم أي مبلغ.",
    ),
    "withdrawn": (
        "This link was withdrawn",
        "此链接已被商家撤回",
        "سحب التاجر هذا الرابط",
    ),
    "withdrawn_note": (
        "The merchant ended it before it was paid. Nothing was charged.",
        "商家在付款前关闭了此链接。未扣除任何款项。",
        "أنهاه التاجر قبل دفعه. لم يُخصم أي مبلغ.",
    ),
    "paid": (
        "This link has been paid",
        "此链接已完成付款",
        "دُفع هذا الرابط بالفعل",
    ),
    "paid_note": (
        "It can be paid only once. There is nothing left to do.",
        "此链接仅可付款一次，您无需再操作。",
        "يمكن دفعه مرة واحدة فقط. لا يلزمك شيء آخر.",
    ),
    "unknown": ("No such link", "链接不存在", "لا يوجد رابط كهذا"),
    "unknown_note": (
        "Check the address, or ask the merchant for the link again.",
        "请检查网址，或向商家重新索取链接。",
        "تحقق من العنوان أو اطلب الرابط من التاجر مرة أخرى.",
    ),
}
"""Each text in the order of :data:`LANGUAGES`, side by side for a translator."""


@attrs.frozen
class Texts:
    """The texts of one language."""

    language: Language
    """The language."""

    def template(self, key: str) -> str:
        """The text with its ``{places}`` still open."""
        return TEXTS[key][LANGUAGES.index(self.language)]

    def say(self, key: str, **values: str) -> str:
        """The text with its places filled.

        Where the language runs from right to left, each value stands between
        Unicode's FSI and PDI, so that amounts, names and dates keep their order.
        """
        if self.language.rtl:
            values = {name: f"\u2068{text}\u2069" for name, text in values.items()}
        return self.template(key).format_map(values)


def texts_for(tag: str) -> Texts:
    """The texts for a language tag, in English when we do not speak it."""
    return Texts(language_of(tag))
